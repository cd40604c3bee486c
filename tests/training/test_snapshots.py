"""Which labels a model learns from: the rules of PRM800K's training, and what a snapshot refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from app.core.errors import Invalid
from app.labeling.models import StepLabel
from app.training import snapshots
from app.training.models import Snapshot, SnapshotItem
from tests.factories import base as factories
from tests.factories import selection as loop


@pytest.fixture
def project(db):
    return factories.project(db)


@pytest.fixture
def solution(db, project):
    return factories.solution(db, factories.problem(db, project), ("a", "b", "c"))


def label(db, project, solution, ratings, reason="", **task):
    who = factories.member(db, project)
    overlap = {"overlap": 9} if "overlap" not in task else {}
    return loop.labeled(db, factories.task(db, solution, **overlap, **task), who, ratings, reason)


def again(db, project, assignment, ratings):
    """Another labeler on the same task."""
    return loop.labeled(db, assignment.task, factories.member(db, project), ratings)


def frozen(db, project, **definition):
    snapshot = snapshots.create_snapshot(db, project.id, definition, None)
    query = select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot.id).order_by(SnapshotItem.ordinal)
    return snapshot, [(item.steps, item.targets) for item in db.scalars(query)]


def test_up_to_and_including_the_first_negative(db, project, solution):
    label(db, project, solution, [1, -1, 1])
    snapshot, items = frozen(db, project)
    assert items == [(["a", "b"], [1, -1])]
    assert snapshot.counts == {
        "solutions": 1,
        "train_solutions": 1,
        "labeled_steps": 2,
        "positive": 1,
        "neutral": 0,
        "negative": 1,
        "dropped": {"undecided": 0},
        "held_out": 0,
    }


def test_every_step_when_the_definition_says_so(db, project, solution):
    label(db, project, solution, [1, -1, 0])
    assert frozen(db, project, cut_at_first_error=False)[1] == [(["a", "b", "c"], [1, -1, 0])]


@pytest.mark.parametrize(
    ("votes", "target"),
    [([1, 1, -1], 1), ([-1, -1, 1], -1), ([1, 0, -1], None), ([1, -1], None), ([0, 0], 0)],
)
def test_several_labelers_majority_or_nothing(db, project, solution, votes, target):
    first = label(db, project, solution, [1, votes[0]])
    for vote in votes[1:]:
        again(db, project, first, [1, vote])
    snapshot, items = frozen(db, project)
    if target is None:
        assert items == [(["a"], [1])]
        assert snapshot.counts["dropped"] == {"undecided": 1}
    else:
        assert items == [(["a", "b"], [1, target])]
        assert not snapshot.counts["dropped"].get("undecided")
    assert snapshot.counts["positive"] == 1 + (target == 1)  # labelers who agree count once


def test_alternatives_share_the_chosen_prefix_whose_labels_count_once(db, project, solution):
    assignment = label(db, project, solution, [1])
    db.add(
        StepLabel(
            assignment_id=assignment.id,
            position=1,
            texts=["b", "b2", "b3"],
            ratings=[-1, 1, None],
            flags=[None] * 3,
            chosen=1,
        )
    )
    db.add(
        StepLabel(
            assignment_id=assignment.id,
            position=2,
            texts=["c", "c2"],
            ratings=[0, -1],
            flags=[None] * 2,
            chosen=None,
        )
    )
    db.flush()
    snapshot, items = frozen(db, project)
    assert sorted(items, key=str) == sorted(
        [(["a", "b"], [1, -1]), (["a", "b2", "c"], [None, 1, 0]), (["a", "b2", "c2"], [None, None, -1])],
        key=str,
    )
    assert snapshot.counts["labeled_steps"] == 5  # a, b, b2, c, c2: each once


def test_a_step_a_person_wrote_is_positive_and_the_walk_goes_on_from_it(db, project, solution):
    assignment = label(db, project, solution, [1])
    written = {"texts": ["b"], "ratings": [-1], "flags": [None], "chosen": None, "human_text": "better"}
    db.add(StepLabel(assignment_id=assignment.id, position=1, **written))
    db.add(
        StepLabel(assignment_id=assignment.id, position=2, texts=["c"], ratings=[1], flags=[None], chosen=0)
    )
    db.flush()
    _, items = frozen(db, project)
    assert sorted(items, key=str) == sorted(
        [(["a", "b"], [1, -1]), (["a", "better", "c"], [None, 1, 1])], key=str
    )


def test_null_and_flag_only_ratings_are_no_labels(db, project, solution):
    assignment = label(db, project, solution, [1])
    db.add(StepLabel(assignment_id=assignment.id, position=1, ratings=[None], flags=[True], chosen=0))
    db.add(StepLabel(assignment_id=assignment.id, position=2, ratings=[-1], flags=[None], chosen=0))
    db.flush()
    assert frozen(db, project)[1] == [(["a", "b", "c"], [1, None, -1])]


@pytest.mark.parametrize("reason", ["bad_problem", "give_up"])
def test_bad_problems_and_given_up_solutions_carry_no_label(db, project, solution, reason):
    label(db, project, solution, [1, -1], reason)
    with pytest.raises(Invalid, match="No labels match") as refused:
        frozen(db, project)
    assert refused.value.remedy


def test_a_test_problem_never_gets_in(db, project, solution):
    label(db, project, solution, [1, -1])
    db.execute(text("SET LOCAL session_replication_role = replica"))  # the database refuses this by itself
    db.execute(text("UPDATE problem SET split = 'test' WHERE id = :id"), {"id": solution.problem_id})
    db.execute(text("SET LOCAL session_replication_role = origin"))
    with pytest.raises(Invalid, match="No labels match"):
        frozen(db, project)


def test_another_projects_labels_stay_out(db, project, solution):
    other = factories.project(db)
    label(db, other, factories.solution(db, factories.problem(db, other)), [1, 1])
    with pytest.raises(Invalid, match="No labels match"):
        frozen(db, project)


def test_the_projects_own_validation_split_is_used(db, project, solution):
    label(db, project, solution, [1, -1])
    held = factories.problem(db, project, split="validation")
    label(db, project, factories.solution(db, held), [1, 1])
    counts = frozen(db, project)[0].counts
    assert (counts["train_solutions"], counts["validation_solutions"]) == (1, 1)


def test_without_one_a_seeded_tenth_of_the_problems_is_held_out(db, project):
    for n in range(20):
        problem = factories.problem(db, project, f"Problem {n}")
        for _ in range(2):
            label(db, project, factories.solution(db, problem, (f"step {n}", "end")), [1, 1])

    def held(**definition):
        snapshot, _ = frozen(db, project, **definition)
        query = select(SnapshotItem.problem_id).where(
            SnapshotItem.snapshot_id == snapshot.id, SnapshotItem.split == "validation"
        )
        return snapshot, set(db.scalars(query))

    snapshot, first = held()
    assert len(first) == 2
    assert snapshot.counts["held_out"] == 0.1
    assert held()[1] == first
    assert any(held(seed=seed)[1] != first for seed in (1, 2, 3))
    assert held(held_out=0)[1] == set()


def test_the_hash_is_of_the_labels_and_nothing_else(db, project, solution):
    assignment = label(db, project, solution, [1, -1])
    first, same = frozen(db, project)[0], frozen(db, project)[0]
    assert first.id != same.id
    assert first.hash == same.hash
    again(db, project, assignment, [1, -1])  # a second labeler who agrees changes no label
    assert frozen(db, project)[0].hash == first.hash
    label(db, project, factories.solution(db, solution.problem, ("other",)), [0])
    assert frozen(db, project)[0].hash != first.hash


def test_generations_kinds_and_labelers_narrow_it(db, project, solution):
    assignment = label(db, project, solution, [1, -1])
    more = factories.solution(db, solution.problem, ("x", "y"))
    label(db, project, more, [1, 0], generation=1)
    label(
        db, project, factories.solution(db, solution.problem, ("s",)), [1], kind="screening", generation=None
    )
    assert len(frozen(db, project)[1]) == 2  # screening stays out unless asked for
    assert frozen(db, project, generations=[1])[1] == [(["x", "y"], [1, 0])]
    assert frozen(db, project, labelers=[assignment.user_id])[1] == [(["a", "b"], [1, -1])]
    assert frozen(db, project, kinds=["screening"])[1] == [(["s"], [1])]


@pytest.mark.parametrize(
    "definition",
    [
        {"generation": [1]},
        {"generations": 1},
        {"generations": [True]},
        {"labelers": [2**40]},
        {"kinds": []},
        {"kinds": ["odd"]},
        {"held_out": 0.9},
        {"held_out": True},
        {"held_out": float("nan")},
        {"seed": "x"},
        {"cut_at_first_error": 1},
    ],
)
def test_a_definition_nobody_understands_is_refused(db, project, solution, definition):
    label(db, project, solution, [1, -1])
    with pytest.raises(Invalid) as refused:
        frozen(db, project, **definition)
    assert next(iter(definition)) in refused.value.message
    assert db.scalar(select(Snapshot.id).where(Snapshot.project_id == project.id)) is None
