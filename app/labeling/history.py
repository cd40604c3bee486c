"""A labeler's submissions: newest first, searched, page by page; and one submission step by step."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import NotFound
from app.labeling.models import Assignment, StepLabel, Task
from app.modes import get_mode
from app.modes.labeling_state import StepRating
from app.problems.models import Problem, Solution
from app.projects.models import Project

PAGE_SIZE = 30


@dataclass(frozen=True)
class HistorySearch:
    """Empty fields match everything. Days are whole days in UTC."""

    query: str = ""
    finish: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    flagged: bool = False

    @property
    def is_set(self) -> bool:
        return self != HistorySearch()

    def to_query(self) -> dict[str, str]:
        """Query parameters of the page's address, without empty ones."""
        params = {"query": self.query, "finish": self.finish, "flagged": "1" if self.flagged else ""}
        days = {"since": self.since, "until": self.until}
        params |= {name: day.isoformat() for name, day in days.items() if day}
        return {name: value for name, value in params.items() if value}


def list_submissions(
    db: Session, project: Project, user: User, search: HistorySearch, before: int | None = None
) -> tuple[list[tuple[Assignment, Problem, int]], int | None]:
    """A page of submissions, each with its problem and its number of step labels; and the id that the
    next page starts before."""
    labels = (
        select(func.count())
        .where(StepLabel.assignment_id == Assignment.id)
        .correlate(Assignment)
        .scalar_subquery()
    )
    query = (
        select(Assignment, Problem, labels)
        .join(Task, Task.id == Assignment.task_id)
        .join(Solution, Solution.id == Task.solution_id)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.state == "submitted")
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    query = _apply_search(query, search)
    if before is not None:
        query = _continue_before(db, query, user, before)
    rows = [(row[0], row[1], row[2]) for row in db.execute(query)]
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1][0].id if len(rows) > PAGE_SIZE else None


def _continue_before(db: Session, query: Select[Any], user: User, before: int) -> Select[Any]:
    edge = db.get(Assignment, before)
    if edge is None or edge.user_id != user.id or edge.submitted_at is None:
        raise NotFound("Page not found.", remedy="Go to the newest submissions.")
    return query.where(
        (Assignment.submitted_at < edge.submitted_at)
        | ((Assignment.submitted_at == edge.submitted_at) & (Assignment.id < edge.id))
    )


def _apply_search(query: Select[Any], search: HistorySearch) -> Select[Any]:
    for word in search.query.split()[:8]:
        matches = Problem.statement.icontains(word, autoescape=True)
        matches |= Assignment.comment.icontains(word, autoescape=True)
        query = query.where(
            matches | func.array_to_string(Solution.steps, "\n").icontains(word, autoescape=True)
        )
    if search.finish:
        query = query.where(Assignment.finish_reason == search.finish)
    if search.since:
        query = query.where(Assignment.submitted_at >= _midnight(search.since))
    if search.until:
        query = query.where(Assignment.submitted_at < _midnight(search.until) + dt.timedelta(days=1))
    if search.flagged:
        label = select(StepLabel.position).where(StepLabel.assignment_id == Assignment.id)
        query = query.where(label.where(true() == func.any(StepLabel.flags)).exists())
    return query


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@dataclass(frozen=True)
class RatedStep:
    """One candidate of a position and its rating."""

    text: str
    rating: StepRating | None = None
    chosen: bool = False
    is_human_text: bool = False
    """A step that the labeler wrote. It has no rating."""
    candidate: int = 0


def list_rated_steps(db: Session, assignment: Assignment, payload: dict[str, Any]) -> list[list[RatedStep]]:
    """The candidates of each position. A submitted assignment shows its step labels, not ratings made
    after it was reopened; another one shows the ratings so far."""
    steps = payload["steps"]
    if assignment.state == "submitted":
        labels = db.scalars(select(StepLabel).where(StepLabel.assignment_id == assignment.id))
        candidates = {(step["position"], step["text"]): step["candidate"] for step in payload["alternatives"]}
        rated = {label.position: _steps_of_label(label, steps, candidates) for label in labels}
    else:
        rated = _steps_of_events(payload)
    end = max(rated, default=-1) + 1
    if not (get_mode(payload["task"]["mode"]).is_branching and rated):
        end = max(len(steps), end)  # a chosen path may have left the solution's own steps
    return [
        rated.get(position) or [RatedStep(text) for text in steps[position : position + 1]]
        for position in range(end)
    ]


def _steps_of_label(
    label: StepLabel, steps: list[str], candidates: dict[tuple[int, str], int]
) -> list[RatedStep]:
    """`candidates`: candidate number by position and text, because a label only stores the text."""
    own = steps[label.position : label.position + 1]
    texts = label.texts if label.texts is not None else own
    empty = [None] * len(texts)
    rated = [
        RatedStep(
            text,
            _rating_or_none(rating, flagged),
            chosen=label.chosen == index,
            candidate=0 if own == [text] else candidates.get((label.position, text), 0),
        )
        for index, (text, rating, flagged) in enumerate(
            zip(texts, label.ratings or empty, label.flags or empty, strict=True)
        )
    ]
    return rated + ([RatedStep(label.human_text, is_human_text=True)] if label.human_text else [])


def _rating_or_none(rating: int | None, flagged: bool | None) -> StepRating | None:
    return StepRating(rating, flagged) if rating is not None or flagged else None


def _steps_of_events(payload: dict[str, Any]) -> dict[int, list[RatedStep]]:
    texts = {(step["position"], step["candidate"]): step["text"] for step in payload["alternatives"]}
    texts |= {(position, 0): text for position, text in enumerate(payload["steps"])}
    chosen = dict(payload.get("chosen", []))
    rated: dict[int, list[RatedStep]] = {}
    for rating in payload["ratings"]:
        position, candidate = rating["position"], rating["candidate"]
        if (position, candidate) in texts:
            step = RatedStep(
                texts[position, candidate],
                StepRating(rating["rating"], rating["flagged"]),
                chosen.get(position) == candidate,
                candidate=candidate,
            )
            rated.setdefault(position, []).append(step)
    for position, text in payload.get("human_texts", []):
        rated.setdefault(position, []).append(RatedStep(text, is_human_text=True))
    return rated
