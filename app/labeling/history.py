"""What a labeler finished: newest first, searched, page by page; and one judgement as it was said."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import NotFound
from app.labeling.labeling_state import StepRating
from app.labeling.models import Assignment, StepLabel, Task
from app.problems.models import Problem, Solution
from app.projects.models import Project

PAGE_SIZE = 30


@dataclass(frozen=True)
class HistorySearch:
    """Empty: everything. Days are whole days in UTC."""

    words: str = ""
    finish: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    flagged: bool = False

    @property
    def is_set(self) -> bool:
        return self != HistorySearch()

    def to_query(self) -> dict[str, str]:
        """As it stands in the address, without what is empty."""
        named = {"q": self.words, "finish": self.finish, "flagged": "1" if self.flagged else ""}
        days = {"since": self.since, "until": self.until}
        named |= {name: day.isoformat() for name, day in days.items() if day}
        return {name: value for name, value in named.items() if value}


def list_submissions(
    db: Session, project: Project, user: User, search: HistorySearch, before: int | None = None
) -> tuple[list[tuple[Assignment, Problem, int]], int | None]:
    """Finished assignments: each with its problem and how many steps it labels; and the key of
    the next page."""
    labeled = (
        select(func.count())
        .where(StepLabel.assignment_id == Assignment.id)
        .correlate(Assignment)
        .scalar_subquery()
    )
    wanted = (
        select(Assignment, Problem, labeled)
        .join(Task, Task.id == Assignment.task_id)
        .join(Solution, Solution.id == Task.solution_id)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.state == "submitted")
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    wanted = _apply_search(wanted, search)
    if before is not None:
        edge = db.get(Assignment, before)
        if edge is None or edge.user_id != user.id or edge.submitted_at is None:
            raise NotFound("There is no such page.", remedy="Start at the newest.")
        wanted = wanted.where(
            (Assignment.submitted_at < edge.submitted_at)
            | ((Assignment.submitted_at == edge.submitted_at) & (Assignment.id < edge.id))
        )
    rows = [(row[0], row[1], row[2]) for row in db.execute(wanted)]
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1][0].id if len(rows) > PAGE_SIZE else None


def _apply_search(wanted: Select[Any], search: HistorySearch) -> Select[Any]:
    for word in search.words.split()[:8]:
        inside = Problem.statement.icontains(word, autoescape=True)
        inside |= Assignment.comment.icontains(word, autoescape=True)
        wanted = wanted.where(
            inside | func.array_to_string(Solution.steps, "\n").icontains(word, autoescape=True)
        )
    if search.finish:
        wanted = wanted.where(Assignment.finish_reason == search.finish)
    if search.since:
        wanted = wanted.where(Assignment.submitted_at >= _midnight(search.since))
    if search.until:
        wanted = wanted.where(Assignment.submitted_at < _midnight(search.until) + dt.timedelta(days=1))
    if search.flagged:
        label = select(StepLabel.position).where(StepLabel.assignment_id == Assignment.id)
        wanted = wanted.where(label.where(true() == func.any(StepLabel.flags)).exists())
    return wanted


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@dataclass(frozen=True)
class RatedStep:
    """One candidate of a position as it was read, and what was said of it."""

    text: str
    rating: StepRating | None = None
    chosen: bool = False
    written: bool = False
    """The labeler's own step, which nobody rates."""
    candidate: int = 0


def list_rated_steps(db: Session, assignment: Assignment, sheet: dict[str, Any]) -> list[list[RatedStep]]:
    """The candidates of each position, the chosen one marked. A submitted assignment: its labels,
    not what was rated after it was taken back and left; another: what was said so far."""
    steps = sheet["steps"]
    if assignment.state == "submitted":
        rows = db.scalars(select(StepLabel).where(StepLabel.assignment_id == assignment.id))
        others = {(each["position"], each["text"]): each["candidate"] for each in sheet["alternatives"]}
        said = {row.position: _steps_of_label(row, steps, others) for row in rows}
    else:
        said = _steps_of_events(sheet)
    walked = sheet["task"]["mode"] == "alternatives" and said  # the walk may have left the solution's steps
    end = max(said, default=-1) + 1 if walked else max(len(steps), max(said, default=-1) + 1)
    return [said.get(at) or [RatedStep(text) for text in steps[at : at + 1]] for at in range(end)]


def _steps_of_label(row: StepLabel, steps: list[str], others: dict[tuple[int, str], int]) -> list[RatedStep]:
    """`others`: the number of a candidate by its position and text, which is all a label keeps."""
    texts = row.texts if row.texts is not None else steps[row.position : row.position + 1]
    words = list(zip(row.ratings or [None] * len(texts), row.flags or [None] * len(texts), strict=True))
    lines = [
        RatedStep(
            text,
            _rating_or_none(*word),
            chosen=row.chosen == index,
            candidate=0
            if steps[row.position : row.position + 1] == [text]
            else others.get((row.position, text), 0),
        )
        for index, (text, word) in enumerate(zip(texts, words, strict=True))
    ]
    return lines + ([RatedStep(row.human_text, written=True)] if row.human_text else [])


def _rating_or_none(rating: int | None, flagged: bool | None) -> StepRating | None:
    return StepRating(rating, flagged) if rating is not None or flagged else None


def _steps_of_events(sheet: dict[str, Any]) -> dict[int, list[RatedStep]]:
    texts = {(each["position"], each["candidate"]): each["text"] for each in sheet["alternatives"]}
    texts |= {(at, 0): text for at, text in enumerate(sheet["steps"])}
    chosen = dict(sheet.get("chosen", []))
    lines: dict[int, list[RatedStep]] = {}
    for each in sheet["ratings"]:
        at, candidate = each["position"], each["candidate"]
        if (at, candidate) in texts:
            line = RatedStep(
                texts[at, candidate],
                StepRating(each["rating"], each["flagged"]),
                chosen.get(at) == candidate,
                candidate=candidate,
            )
            lines.setdefault(at, []).append(line)
    for at, words in sheet.get("written", []):
        lines.setdefault(at, []).append(RatedStep(words, written=True))
    return lines
