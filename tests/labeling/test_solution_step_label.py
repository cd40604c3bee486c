"""One rule, the view solution_step_label, says what a labeler said of the solution's own steps: every
reader (evaluation, agreement, adjudication, gold, the pages) goes by it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.evaluation import reference_labels
from app.explorer import solution_query
from app.labeling import control_tasks
from app.labeling.models import Assignment, ControlAnswer, ControlResult, StepLabel
from app.problems.models import Solution
from app.projects.models import Project
from app.quality import adjudication, adjudication_case, adjudication_queue, agreement_job
from app.quality.models import Adjudication
from tests.factories import base as factories

NOW = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
STEPS = ("one", "two", "three")
Rows = list[dict[str, Any]]


def usual(*ratings: int | None) -> Rows:
    return [{"ratings": [rating], "chosen": None if rating == -1 else 0} for rating in ratings]


def row(texts: list[str], ratings: list[int | None], chosen: int | None, written: str | None = None) -> Any:
    return {"texts": texts, "ratings": ratings, "chosen": chosen, "human_text": written}


# what a finished assignment says -> the ratings of one, two, three
WALKS: dict[str, tuple[Rows, list[int | None]]] = {
    "the usual": (usual(1, 0, 1), [1, 0, 1]),
    "a first error": (usual(1, -1), [1, -1]),
    "unsure of a step": (
        [*usual(1), {"ratings": [None], "flags": [True], "chosen": 0}, *usual(1)],
        [1, None, 1],
    ),
    "a first error, and alternatives for it": (
        [*usual(1), row(["two", "deux", "zwei"], [-1, 1, 0], None)],
        [1, -1],
    ),
    "every step, errors or not": (usual(1, -1, 1), [1, -1, 1]),
    "its own step chosen among candidates": (
        [row(["uno", "one"], [0, 1], 1), row(["two", "dos"], [1, -1], 0), *usual(-1)],
        [1, 1, -1],
    ),
    "another candidate chosen: what follows is not said of it": (
        [row(["one", "uno"], [0, 1], 1), row(["dos", "two"], [1, -1], 0), *usual(1)],
        [0],
    ),
    "the labeler's own words": ([row(["one"], [-1], None, "eins"), *usual(1, 1)], [-1]),
    "the labeler's own words became the chain (PRM800K, phase 1)": (
        [row(["un"], [-1], None, "one"), row(["deux", "two"], [-1, 0], 1), *usual(1)],
        [1, 0, 1],
    ),
    "no candidates, a step written (PRM800K, completions: null)": (
        [{"ratings": None, "flags": None, "human_text": "one"}, *usual(1)],
        [1, 1],
    ),
    "none of the candidates is its own": ([row(["un", "uno"], [1, 0], 0)], []),
    "the same words twice: the chosen one counts": ([row(["one", "one"], [-1, 1], 1), *usual(1)], [1, 1]),
    "more steps than it has": (usual(1, 1, 1, -1), [1, 1, 1]),
}


@pytest.fixture
def project(db: Session) -> Project:
    return factories.project(db)


def judged(db: Session, solution: Solution, rows: Rows, **task: Any) -> Assignment:
    project = db.get(Project, solution.project_id)
    has_error = any(-1 in (row["ratings"] or ()) for row in rows)
    assignment = Assignment(
        project_id=solution.project_id, task=factories.task(db, solution, overlap=5, **task),
        user_id=factories.member(db, project).id, state="submitted", submitted_at=NOW,
        finish_reason="found_error" if has_error else "solution",
    )  # fmt: skip
    db.add(assignment)
    db.flush()
    for position, row in enumerate(rows):
        flags = row.get("flags", [None] * len(row["ratings"] or ()))
        db.add(StepLabel(assignment_id=assignment.id, position=position, **{"flags": flags, **row}))
    db.flush()
    return assignment


def decide(db: Session, solution: Solution, ratings: list[int]) -> None:
    by = factories.member(db, db.get(Project, solution.project_id), "admin")
    decision = {"ratings": ratings, "reason": "As the rules say.", "decided_by": by.id}
    db.add(Adjudication(project_id=solution.project_id, solution_id=solution.id, **decision))
    db.flush()


def a_solution(db: Session, project: Project) -> Solution:
    return factories.solution(db, factories.problem(db, project), STEPS)


@pytest.mark.parametrize("name", WALKS)
def test_what_is_said_of_its_own_steps(db: Session, project: Project, name: str) -> None:
    rows, ratings = WALKS[name]
    solution = a_solution(db, project)
    assignment = judged(db, solution, rows)
    labels = db.execute(
        text(
            "SELECT position, rating, flagged FROM solution_step_label"
            " WHERE assignment_id = :id ORDER BY position"
        ),
        {"id": assignment.id},
    ).all()
    assert [label.position for label in labels] == list(range(len(ratings)))
    assert [label.rating for label in labels] == ratings
    assert [bool(label.flagged) for label in labels] == [label is None for label in ratings]
    [page] = solution_query.list_submissions(db, solution.id)
    assert page.ratings == dict(enumerate(ratings))


def test_truth_for_evaluation_and_an_adjudicator_before_the_majority(db: Session, project: Project) -> None:
    with_alternatives, left, decided = (a_solution(db, project) for _ in range(3))
    for number, name in enumerate(("a first error, and alternatives for it", "a first error")):
        judged(db, with_alternatives, WALKS[name][0], generation=number)
    judged(db, left, WALKS["the labeler's own words became the chain (PRM800K, phase 1)"][0])
    judged(db, left, [row(["one", "uno"], [1, 1], 1), *usual(-1)], generation=1)
    for number in range(3):
        judged(db, decided, usual(1, 1, 1), generation=number)
    decide(db, decided, [1, -1])
    truth = reference_labels.load_people_labels(db, project.id)
    assert (truth[with_alternatives.id].first_error, truth[with_alternatives.id].ratings) == (
        1,
        [1, -1, None],
    )
    assert (truth[left.id].first_error, truth[left.id].ratings) == (-1, [1, 0, 1])
    assert (truth[decided.id].first_error, truth[decided.id].ratings) == (1, [1, -1, None])


def first_errors(db: Session, project: Project) -> tuple[float | None, int]:
    """The share of pairs of labelers with the same first error, and how many pairs."""
    collected: agreement_job.Collected = defaultdict(agreement_job.Tables)
    for loaded in agreement_job.load_ratings(
        db, list(db.scalars(agreement_job.SELECT_SHARED, {"project": project.id}))
    ):
        agreement_job.add_to_scopes(collected, *loaded)
    rows = agreement_job.compute_figures(project.id, collected, lambda *_: None)
    row = next(row for row in rows if (row["scope"], row["measure"]) == ("project", "first_error"))
    return row["value"], row["pairs"]


def test_a_walk_that_left_the_solution_disagrees_with_nobody(db: Session, project: Project) -> None:
    solution, other = a_solution(db, project), a_solution(db, project)
    judged(db, solution, [row(["one", "uno"], [1, 1], 1), *usual(1, 1)])
    judged(db, solution, usual(1, -1), generation=1)
    judged(db, other, usual(1, 1, 1))
    judged(db, other, [*usual(1), row(["two", "deux"], [-1, 1], None)], generation=1)
    assert adjudication_queue.refresh_changed(db, project.id)
    assert [candidate.solution_id for candidate in adjudication.list_candidates(db, project.id)] == [other.id]
    assert first_errors(db, project) == (0.0, 1)
    decide(db, other, [1, -1])
    originals = adjudication_case.load_case(db, project, factories.user(db), other.id).originals
    assert [original.ratings for original in originals] == [[1, 1, 1], [1, -1]]


def test_a_labeler_seen_twice_counts_once(db: Session, project: Project) -> None:
    solution = a_solution(db, project)
    first = judged(db, solution, usual(1, -1))
    again = judged(db, solution, usual(1, 1, 1), generation=1)
    judged(db, solution, usual(1, 1, 1), generation=2)
    again.user_id = first.user_id
    db.flush()
    assert first_errors(db, project) == (1.0, 1)


def test_gold_is_marked_by_its_own_steps(db: Session, project: Project) -> None:
    project.gold_rate = 0.1
    solution = a_solution(db, project)
    rows = [row(["uno", "one"], [-1, 1], 1), row(["two", "dos"], [-1, 1], None)]
    assignment = judged(db, solution, rows, kind="gold")
    db.add(ControlAnswer(task_id=assignment.task_id, ratings=[1, -1], source="adjudicated"))
    db.flush()
    control_tasks.record_control_result(db, project, assignment)
    mark = db.scalar(select(ControlResult))
    assert (mark.correct, mark.steps, mark.correct_steps) == (True, 2, 2)
