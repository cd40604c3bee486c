"""The life of an assignment: what may happen when, and what is left of it."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import DomainError, Invalid
from app.labeling import assignments, claims, desk_payload, rating_events, reopening
from app.labeling.models import RatingEvent, StepLabel, Task
from app.modes.labeling_state import LabelingState, StepRating
from app.training.models import Snapshot, SnapshotItem
from tests.factories import base as factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SOON = NOW + dt.timedelta(minutes=2)


def start(db: Session, steps: int = 4, mode: str = "first_error"):  # type: ignore[no-untyped-def]
    project = factories.project(db, mode=mode)
    who = factories.member(db, project)
    solution = factories.solution(
        db, factories.problem(db, project), tuple(f"step {number}" for number in range(steps))
    )
    factories.task(db, solution)
    held = claims.claim_assignment(db, project, who, NOW)
    assert held
    return project, who, held


def event(position: int, rating: int | None, *, flagged: bool | None = None, id: UUID | None = None):  # type: ignore[no-untyped-def]
    return assignments.RatingEventData(id or uuid4(), position, 0, rating, flagged, 1000, NOW)


def rate(db, project, held, *ratings, now=NOW):  # type: ignore[no-untyped-def]
    events = [event(position, rating) for position, rating in enumerate(ratings)]
    return assignments.record_events(db, project, held, events, now)


def submit(db, project, held, reason, comment="", now=NOW, **more):  # type: ignore[no-untyped-def]
    assignments.submit_assignment(db, project, held, reason, comment, 5000, now, **more)


def places(db, project, held):  # type: ignore[no-untyped-def]
    return rating_events.load_progress(db, project, held).state.ratings


def labels(db, held):  # type: ignore[no-untyped-def]
    rows = db.scalars(
        select(StepLabel).where(StepLabel.assignment_id == held.id).order_by(StepLabel.position)
    )
    return [(row.ratings, row.flags, row.chosen) for row in rows]


def test_a_retry_changes_nothing(db: Session) -> None:
    project, _, held = start(db)
    sent = [event(0, 1), event(1, 0)]
    first = assignments.record_events(db, project, held, sent, NOW)
    assignments.record_events(db, project, held, [event(0, 0)], NOW)
    again = assignments.record_events(db, project, held, sent, NOW)
    assert first.saved == again.saved == [item.id for item in sent]
    assert places(db, project, held) == {0: StepRating(0, None), 1: StepRating(0, None)}
    assert db.scalar(select(func.count()).where(RatingEvent.assignment_id == held.id)) == 3


def test_one_batch_may_hold_an_event_twice(db: Session) -> None:
    project, _, held = start(db)
    rating_event = event(0, 1)
    assert assignments.record_events(db, project, held, [rating_event, rating_event], NOW).saved == [
        rating_event.id,
        rating_event.id,
    ]
    assert db.scalar(select(func.count()).where(RatingEvent.assignment_id == held.id)) == 1


def test_out_of_order_is_refused_and_what_came_before_is_kept(db: Session) -> None:
    project, _, held = start(db)
    sent = [event(0, 1), event(2, 1), event(1, 1)]
    done = assignments.record_events(db, project, held, sent, NOW)
    assert done.saved == [sent[0].id]
    assert done.refusal
    assert done.refusal.code == "out_of_order"
    assert "Step 3" in done.refusal.message
    assert "step 2" in done.refusal.remedy
    assert places(db, project, held) == {0: StepRating(1, None)}


def test_nothing_is_rated_behind_the_first_error(db: Session) -> None:
    project, _, held = start(db)
    assert rate(db, project, held, 1, -1).refusal is None
    assert assignments.record_events(db, project, held, [event(2, 1)], NOW).refusal.code == "out_of_order"  # type: ignore[union-attr]
    # taking the error back opens the way again
    assert (
        assignments.record_events(db, project, held, [event(1, None), event(1, 0), event(2, 1)], NOW).refusal
        is None
    )


@pytest.mark.parametrize("position", [4, 30000])
def test_a_step_that_is_not_there(db: Session, position: int) -> None:
    project, _, held = start(db)
    assert isinstance(
        assignments.record_events(db, project, held, [event(position, 1)], NOW).refusal, Invalid
    )


def test_every_step_mode_has_no_order_and_goes_through_all(db: Session) -> None:
    project, _, held = start(db, 3, "every_step")
    assert assignments.record_events(db, project, held, [event(2, 1), event(0, -1)], NOW).refusal is None
    with pytest.raises(Invalid, match="Step 2"):
        submit(db, project, held, "found_error")
    assignments.record_events(db, project, held, [event(1, 0)], NOW)
    submit(db, project, held, "found_error")
    assert labels(db, held) == [([-1], [None], None), ([0], [None], 0), ([1], [None], 0)]


def test_an_error_found_labels_up_to_it(db: Session) -> None:
    project, _, held = start(db)
    rate(db, project, held, 1, 1, 1)
    assignments.record_events(db, project, held, [event(1, -1)], NOW)
    submit(db, project, held, "found_error")
    assert labels(db, held) == [([1], [None], 0), ([-1], [None], None)]
    assert (held.state, held.lease_expires_at, held.active_time_ms) == ("submitted", None, 4000)


@pytest.mark.parametrize(
    ("ratings", "reason", "message"),
    [
        ((1, 1, 1), "solution", "Step 4 is not rated"),
        ((1, 1, 1), "found_error", "Step 4 is not rated"),
        ((1, -1), "solution", "Step 2 is rated negative"),
        ((1, 1, 1, 1), "found_error", "No step is rated negative"),
        ((), "bad_problem", "reason"),
        ((1,), "give_up", "reason"),
        ((1, 1, 1, 1), "tired", "Unknown finish reason"),
    ],
)
def test_what_is_missing_is_said(db: Session, ratings: tuple[int, ...], reason: str, message: str) -> None:
    project, _, held = start(db)
    rate(db, project, held, *ratings)
    with pytest.raises(Invalid, match=message):
        submit(db, project, held, reason)
    assert (held.state, labels(db, held)) == ("leased", [])


def test_a_flag_without_a_rating_lets_the_walk_go_on(db: Session) -> None:
    project, _, held = start(db, 2)
    assignments.record_events(db, project, held, [event(0, None, flagged=True), event(1, 1)], NOW)
    submit(db, project, held, "solution")
    assert labels(db, held) == [([None], [True], 0), ([1], [None], 0)]


def test_bad_problem_keeps_its_reason_and_what_was_rated(db: Session) -> None:
    project, _, held = start(db)
    rate(db, project, held, 1)
    submit(db, project, held, "bad_problem", "  needs a picture ")
    assert (held.finish_reason, held.comment) == ("bad_problem", "needs a picture")
    assert labels(db, held) == [([1], [None], 0)]


def test_submitting_again_is_no_error_and_no_second_submission(db: Session) -> None:
    project, _, held = start(db, 1)
    rate(db, project, held, 1)
    submit(db, project, held, "solution", reference_verdict="incorrect")
    submit(db, project, held, "solution", now=SOON)
    assert held.submitted_at == NOW
    assert held.reference_verdict == "incorrect"
    with pytest.raises(assignments.Refusal) as refusal:
        submit(db, project, held, "give_up", "tired", now=SOON)
    assert refusal.value.code == "already_submitted"
    assert rate(db, project, held, 0).refusal.code == "already_submitted"


def test_a_retry_after_the_submission_is_still_acknowledged(db: Session) -> None:
    project, _, held = start(db, 1)
    sent = event(0, 1)
    assignments.record_events(db, project, held, [sent], NOW)
    submit(db, project, held, "solution")
    done = assignments.record_events(db, project, held, [sent, event(0, -1)], SOON)
    assert done.saved == [sent.id]
    assert done.refusal.code == "already_submitted"  # type: ignore[union-attr]


def test_a_lost_lease_refuses_and_keeps(db: Session) -> None:
    project, _, held = start(db)
    rate(db, project, held, 1)
    late = NOW + dt.timedelta(minutes=61)
    assert rate(db, project, held, 1, now=late).refusal.code == "lease_lost"
    with pytest.raises(assignments.Refusal) as refusal:
        submit(db, project, held, "bad_problem", "why", now=late)
    assert refusal.value.code == "lease_lost"
    assert places(db, project, held) == {0: StepRating(1, None)}


def test_work_renews_the_lease_and_the_reservation_behind_it(db: Session) -> None:
    project, who, held = start(db)
    factories.task(db, factories.solution(db, factories.problem(db, project)))
    following = claims.prefetch_assignment(db, project, who, NOW)
    assert following
    later = NOW + dt.timedelta(minutes=9)
    rate(db, project, held, 1, now=later)
    db.refresh(following)
    assert held.lease_expires_at == following.lease_expires_at == later + dt.timedelta(minutes=60)


def test_an_event_id_of_someone_else_is_no_way_in(db: Session) -> None:
    project, _, held = start(db)
    other_project, _, other = start(db)
    sent = event(0, 1)
    assignments.record_events(db, project, held, [sent], NOW)
    with pytest.raises(Invalid, match="used before"):
        assignments.record_events(db, other_project, other, [sent], NOW)
    assert places(db, other_project, other) == {}


def test_undo_across_a_submission(db: Session) -> None:
    project, who, first = start(db, 1)
    for _ in range(2):
        factories.task(db, factories.solution(db, factories.problem(db, project)))
    rate(db, project, first, 1)
    submit(db, project, first, "solution")
    second = claims.claim_assignment(db, project, who, NOW)
    third = claims.prefetch_assignment(db, project, who, NOW)
    assert second
    assert third
    assignments.record_events(db, project, second, [event(0, 1)], NOW)

    sheet = desk_payload.reopen_on_desk(db, project, first, SOON)
    for row in (first, second, third):
        db.refresh(row)
    assert [row.state for row in (first, second, third)] == ["leased", "reserved", "expired"]
    assert [
        db.get(Task, row.task_id, populate_existing=True).assigned_count for row in (first, second, third)
    ] == [
        1,
        1,
        0,
    ]  # type: ignore[union-attr]
    assert labels(db, first) == [([1], [None], 0)]  # kept until the next
    assert sheet["ratings"] == [{"position": 0, "candidate": 0, "rating": 1, "flagged": None}]
    assert [row.reopen_reason for row in reopening.list_previous_submissions(db, first)] == ["undone"]

    submit(db, project, first, "solution", now=SOON)
    assert claims.claim_assignment(db, project, who, SOON).id == second.id  # type: ignore[union-attr]
    assert places(db, project, second) == {0: StepRating(1, None)}


def test_too_late_to_undo(db: Session) -> None:
    project, _, held = start(db, 1)
    rate(db, project, held, 1)
    submit(db, project, held, "solution")
    with pytest.raises(assignments.Refusal) as refusal:
        desk_payload.reopen_on_desk(
            db, project, held, NOW + reopening.grace_period(project) + dt.timedelta(seconds=1)
        )
    assert refusal.value.code == "too_late"


def test_a_label_in_a_snapshot_is_not_undone(db: Session) -> None:
    project, _, held = start(db, 1)
    rate(db, project, held, 1)
    submit(db, project, held, "solution")
    snapshot = Snapshot(project_id=project.id, hash=b"x")
    db.add(snapshot)
    db.flush()
    snapshot.created_at = SOON
    solution = held.task.solution
    db.add(
        SnapshotItem(
            snapshot_id=snapshot.id,
            ordinal=0,
            problem_id=solution.problem_id,
            solution_id=solution.id,
            assignment_ids=[held.id],
            split="train",
            steps=list(solution.steps),
            targets=[1],
        )
    )
    db.flush()
    with pytest.raises(assignments.Refusal) as refusal:
        desk_payload.reopen_on_desk(db, project, held, SOON)
    assert refusal.value.code == "in_a_snapshot"


def test_the_walk_by_itself() -> None:
    right, wrong = StepRating(1, None), StepRating(-1, None)
    assert LabelingState(3, {0: right, 1: wrong, 2: right}).counted_ratings() == [
        (0, right),
        (1, wrong),
    ]
    assert LabelingState(3, {0: right, 2: right}).counted_ratings() == [(0, right)]
    assert LabelingState(3, {0: right, 2: wrong}).first_error is None
    assert LabelingState(3, {0: right, 2: wrong}, in_order=False).first_error == 2


def test_refusals_say_what_to_do() -> None:
    refusal = assignments.Refusal("lease_lost", "It ran out.", "Go on.")
    assert isinstance(refusal, DomainError)
    assert refusal.as_json() == {"error": "lease_lost", "message": "It ran out.", "remedy": "Go on."}


def test_a_submission_of_other_ratings_than_those_on_the_server_is_refused(db: Session) -> None:
    project, _, held = start(db, steps=2)
    rate(db, project, held, 1, -1)
    with pytest.raises(DomainError, match="differ from those you submitted"):
        submit(db, project, held, "found_error", ratings=[-1])
    assert held.state == "leased"
    submit(db, project, held, "found_error", ratings=[1, -1])
    submit(db, project, held, "found_error", ratings=[1, -1])  # the same again: nothing changes
    with pytest.raises(DomainError, match="already submitted"):
        submit(db, project, held, "found_error", ratings=[-1])
    assert labels(db, held) == [([1], [None], 0), ([-1], [None], None)]
