"""Sets are frozen whole, hashed, and guarded from training."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.errors import Conflict, Invalid
from app.evaluation import freeze, sets
from app.evaluation.models import EvaluationItem, EvaluationSet
from app.training import snapshots
from tests.factories import base as factories
from tests.factories import evaluation as judged
from tests.factories import selection as loop


def items(db: Session, frozen: EvaluationSet) -> list[EvaluationItem]:
    chosen = select(EvaluationItem).where(EvaluationItem.evaluation_set_id == frozen.id)
    return list(db.scalars(chosen.order_by(EvaluationItem.solution_id)))


def test_a_set_freezes_solutions_verdicts_and_labels(db: Session) -> None:
    project = factories.project(db)
    judged.pool(db, project, 2)
    judged.pool(db, project, 1, "train")
    alone = factories.problem(db, project, "Alone?", split="validation")
    factories.solution(db, alone)
    frozen = judged.frozen(db, project)
    assert frozen.counts == {"problems": 2, "several": 2, "solutions": 8, "correct": 4, "incorrect": 4}
    assert [item.answer for item in items(db, frozen)][:4] == [0, 0, 1, 1], "five is 5"
    assert frozen.is_default


def test_the_hash_covers_verdicts_and_labels(db: Session) -> None:
    """The same content in another project: the same hash. One verdict more: another."""
    hashes = []
    for verdict in ("incorrect", "incorrect", "correct"):
        project = factories.project(db)
        solutions = judged.pool(db, project, 2)
        solutions[0][2].verdict = verdict
        db.flush()
        hashes.append(judged.frozen(db, project).hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_later_verdicts_and_labels_change_nothing(db: Session) -> None:
    project = factories.project(db)
    solutions = judged.pool(db, project, 2)
    frozen = judged.frozen(db, project)
    solutions[0][0].verdict = "incorrect"
    judged.first_error(db, solutions[0][2], 0)
    db.flush()
    assert items(db, frozen)[0].verdict == "correct"
    assert items(db, frozen)[2].first_error is None


def test_labels_of_people_precede_labels_of_files(db: Session) -> None:
    """Two of three labelers say step 2; where they disagree nobody knows; a lone no-error is -1."""
    project = factories.project(db)
    solutions = judged.pool(db, project, 1)[0]
    for solution in solutions:
        judged.first_error(db, solution, 0)
    people = [factories.member(db, project) for _ in range(3)]
    first = factories.task(db, solutions[0], overlap=3)
    for who, ratings in zip(people, ([1, -1], [1, -1], [-1]), strict=True):
        loop.labeled(db, first, who, ratings)
    second = factories.task(db, solutions[1], overlap=2)
    for who, ratings in zip(people[:2], ([1, -1], [-1]), strict=True):
        loop.labeled(db, second, who, ratings)
    loop.labeled(db, factories.task(db, solutions[2]), people[0], [1, 0])
    frozen_items = items(db, judged.frozen(db, project))
    assert [item.first_error for item in frozen_items] == [1, None, -1, 0]
    assert frozen_items[0].ratings == [1, -1]
    assert frozen_items[2].ratings == [1, 0]


def test_labels_of_the_set_are_not_trained_on(db: Session) -> None:
    """Nor on a copy of one under another name; they are counted. Other labels still do."""
    project = factories.project(db)
    who = factories.member(db, project)
    inside = judged.pool(db, project, 3, "train")
    copy = factories.problem(db, project, "Problem 0?")
    outside = [factories.problem(db, project, f"Other {n}?") for n in range(6)]
    for solution in (inside[0][0], inside[1][0], factories.solution(db, copy)):
        loop.labeled(db, factories.task(db, solution), who, [1, 1])
    for problem in outside:
        loop.labeled(db, factories.task(db, factories.solution(db, problem)), who, [1, 1])
    judged.frozen(db, project, splits=["train"], labels="none")
    snapshot = snapshots.create_snapshot(db, project.id, {"held_out": 0.0}, None)
    assert snapshot.counts["dropped"]["in_evaluation_set"] == 6
    assert snapshot.counts["train_solutions"] == 6
    everything = {"splits": ["train"], "labels": "none", "least_solutions": 1}
    judged.frozen(db, project, "All", **everything)
    with pytest.raises(Invalid, match="evaluation sets"):
        snapshots.create_snapshot(db, project.id, {"held_out": 0.0}, None)


def test_validation_problems_may_select_the_checkpoint(db: Session) -> None:
    project = factories.project(db)
    who = factories.member(db, project)
    solutions = judged.pool(db, project, 1)[0]
    loop.labeled(db, factories.task(db, solutions[0]), who, [1, 1])
    train = factories.solution(db, factories.problem(db, project, "Train?"))
    loop.labeled(db, factories.task(db, train), who, [1, 1])
    judged.frozen(db, project, labels="none")
    snapshot = snapshots.create_snapshot(db, project.id, {}, None)
    assert (snapshot.counts["train_solutions"], snapshot.counts["validation_solutions"]) == (1, 1)
    assert "in_evaluation_set" not in snapshot.counts["dropped"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"splits": []},
        {"splits": ["exam"]},
        {"colour": "red"},
        {"least_solutions": 0},
        {"labels": "mine"},
        {"most_problems": "all"},
        {"subject": 3},
    ],
)
def test_an_invalid_definition_is_refused(db: Session, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        sets.create_set(db, factories.project(db).id, "Set", wrong, None)


def test_names_the_default_set_and_the_problem_limit(db: Session) -> None:
    project = factories.project(db)
    judged.pool(db, project, 5)
    first = judged.frozen(db, project, "One", most_problems=2)
    assert first.counts["problems"] == 2
    again = judged.frozen(db, project, "Two", most_problems=2)
    assert again.hash == first.hash, "the seed draws the same problems"
    with pytest.raises(Conflict):
        sets.create_set(db, project.id, " One ", {}, None)
    sets.set_default(db, again, None)
    assert sets.find_default(db, project.id) == again
    assert not first.is_default
    assert (
        sets.get_set_by_name(db, project.id, "One")
        == first
        == sets.get_set_by_name(db, project.id, str(first.id))
    )


def test_an_unusable_set_fails_with_its_reason(database: str) -> None:
    with transaction() as db:
        set_id = sets.create_set(db, factories.project(db).id, "Empty", {}, None).id
        assert sets.ensure_default(db, db.get_one(EvaluationSet, set_id).project_id) is not None
    freeze.freeze_set(set_id)
    with transaction() as db:
        frozen = db.get_one(EvaluationSet, set_id)
        assert frozen.state == "failed"
        assert "Nothing to evaluate" in (frozen.error or "")


def test_no_default_without_several_graded_solutions(db: Session) -> None:
    project = factories.project(db)
    judged.pool(db, project, 1, "train")
    assert sets.ensure_default(db, project.id) is None
    judged.pool(db, project, 1)
    created = sets.ensure_default(db, project.id)
    assert created is not None
    assert sets.ensure_default(db, project.id) == created
