"""Around the desk: taking back by policy, what is kept, returns, notes, history, time."""

from __future__ import annotations

import datetime as dt
import threading
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent, User
from app.core.db import session_factory, transaction
from app.core.errors import Conflict, DomainError, Invalid
from app.labeling import (
    assignments,
    claims,
    desk_payload,
    history,
    notes,
    pace,
    reopening,
    returns,
)
from app.labeling.history import HistorySearch
from app.labeling.models import Assignment, RatingEvent, StepLabel, Task
from app.projects.models import Project
from tests.factories import base as factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SOON, LATE = NOW + dt.timedelta(minutes=2), NOW + dt.timedelta(hours=3)


def event(position: int, rating: int | None, active_ms: int = 1000, flagged: bool | None = None):  # type: ignore[no-untyped-def]
    return assignments.RatingEventData(
        uuid4(),
        position,
        candidate=0,
        rating=rating,
        flagged=flagged,
        active_ms=active_ms,
        client_created_at=NOW,
    )


def judged(db: Session, count: int = 2, **policy: object) -> tuple[Project, User, Assignment]:
    """A labeler who submitted the first of `count` tasks, every step great."""
    project = factories.project(db, **policy)
    who = factories.member(db, project)
    for number in range(count):
        problem = factories.problem(db, project, f"Problem {number}")
        factories.task(db, factories.solution(db, problem), priority=-number)
    held = claims.claim_assignment(db, project, who, NOW)
    assert held
    assignments.record_events(db, project, held, [event(0, 1), event(1, 1)], NOW)
    assignments.submit_assignment(db, project, held, "solution", "", 5000, NOW)
    return project, who, held


def label(db: Session, of: Assignment) -> list[int | None]:
    rows = select(StepLabel).where(StepLabel.assignment_id == of.id).order_by(StepLabel.position)
    return [row.ratings[0] for row in db.scalars(rows) if row.ratings]


@pytest.mark.parametrize(("policy", "soon", "late"), [
    ("never", False, False), ("grace", True, False), ("open", True, True),
])  # fmt: skip
def test_policy(db: Session, policy: str, soon: bool, late: bool) -> None:
    project, _, held = judged(db, reopening=policy)
    assert reopening.can_reopen(project, held, SOON) is soon
    assert reopening.can_reopen(project, held, LATE) is late
    if not late:
        with pytest.raises(assignments.Refusal):
            reopening.reopen_submission(db, project, held, LATE)


def test_an_adjudicated_one_stays(db: Session) -> None:
    project, who, held = judged(db, reopening="open")
    db.execute(
        text(
            "INSERT INTO adjudication (project_id, solution_id, ratings, reason, decided_by, exposure)"
            " VALUES (:project, :solution, ARRAY[1, 1], 'r', :who, 'none')"
        ),
        {"project": project.id, "solution": held.task.solution_id, "who": who.id},
    )
    with pytest.raises(assignments.Refusal) as refusal:
        reopening.reopen_submission(db, project, held, SOON)
    assert refusal.value.code == "adjudicated"


@pytest.mark.parametrize("ends", ["swept", "given back"])
def test_taken_back_and_left_it_counts_again(db: Session, ends: str) -> None:
    project, who, held = judged(db)
    desk_payload.reopen_on_desk(db, project, held, SOON)
    assignments.record_events(db, project, held, [event(0, -1)], SOON)
    if ends == "swept":
        claims.start_claim(db, project.id, who.id, LATE)
    else:
        claims.release_assignment(db, held)
    db.refresh(held)
    assert (held.state, held.submitted_at, held.finish_reason) == ("submitted", NOW, "solution")
    assert (label(db, held), held.total_time_ms) == ([1, 1], 5000)
    assert db.scalar(select(Task.assigned_count).where(Task.id == held.task_id)) == 1
    assert [(row.reopen_reason, row.outcome) for row in reopening.list_previous_submissions(db, held)] == [
        ("undone", "restored")
    ]
    assert db.scalar(select(func.count()).where(RatingEvent.assignment_id == held.id)) == 3


def test_what_was_said_before_is_kept_beside_the_new(db: Session) -> None:
    project, _, held = judged(db)
    desk_payload.reopen_on_desk(db, project, held, SOON)
    assert label(db, held) == [1, 1]
    assignments.record_events(db, project, held, [event(0, -1)], SOON)
    assignments.submit_assignment(db, project, held, "found_error", "", 9000, SOON)
    assert label(db, held) == [-1]
    (was,) = reopening.list_previous_submissions(db, held)
    assert (was.finish_reason, was.outcome, [row["ratings"] for row in was.labels]) == (
        "solution", "replaced", [[1], [1]],
    )  # fmt: skip


def test_a_return_comes_first_and_is_answered(db: Session) -> None:
    project, who, held = judged(db, 3, reopening="never")
    boss = factories.member(db, project, "researcher")
    on_desk = claims.claim_assignment(db, project, who, NOW)
    assert on_desk
    with pytest.raises(Invalid):
        returns.return_submission(db, project, held.id, boss, "  ", LATE)
    returns.return_submission(db, project, held.id, boss, "Look at step 2", LATE)
    with pytest.raises(Conflict):
        returns.return_submission(db, project, held.id, boss, "again", LATE)
    assert (held.state, label(db, held)) == ("submitted", [1, 1])
    assert desk_payload.next_desk_payload(db, project, who, SOON)["assignment"]["id"] == on_desk.id  # type: ignore[index]
    assignments.submit_assignment(db, project, on_desk, "give_up", "tired", None, SOON)

    sheet = desk_payload.next_desk_payload(db, project, who, LATE)
    assert sheet
    assert (sheet["assignment"]["id"], sheet["returned"]["reason"]) == (held.id, "Look at step 2")
    assert len(sheet["ratings"]) == 2
    much_later = LATE + dt.timedelta(hours=5)  # left alone: it counts, and comes first again
    claims.start_claim(db, project.id, who.id, much_later)
    db.refresh(held)
    assert held.state == "submitted"
    assert desk_payload.next_desk_payload(db, project, who, much_later)["assignment"]["id"] == held.id  # type: ignore[index]
    db.refresh(held)
    assignments.record_events(db, project, held, [event(1, 0)], much_later)
    assignments.submit_assignment(db, project, held, "solution", "", None, much_later)
    assert returns.list_open_returns(db, project, who) == []
    assert label(db, held) == [1, 0]
    assert db.scalar(select(AuditEvent.detail).where(AuditEvent.action == "assignment.return")) == {
        "reason": "Look at step 2"
    }
    assert desk_payload.next_desk_payload(db, project, who, much_later)["assignment"]["id"] != held.id  # type: ignore[index]


def test_what_cannot_be_returned(db: Session) -> None:
    project, who, held = judged(db)
    boss = factories.member(db, project, "researcher")
    on_desk = claims.claim_assignment(db, project, who, NOW)
    with pytest.raises(Conflict, match="labeler is working"):
        returns.return_submission(db, project, on_desk.id, boss, "why", NOW)  # type: ignore[union-attr]
    held.import_origin = {"labeler": "x"}
    with pytest.raises(Conflict, match="imported"):
        returns.return_submission(db, project, held.id, boss, "why", NOW)
    held.import_origin = None
    db.execute(text("DELETE FROM membership WHERE user_id = :user"), {"user": who.id})
    with pytest.raises(Conflict, match="left the project"):
        returns.return_submission(db, project, held.id, boss, "why", NOW)


def test_sixteen_tabs_take_back_and_claim(database: str) -> None:
    """One lease, and every place counted once, whoever comes first."""
    with transaction() as db:
        project, who, held = judged(db, 4, grace_minutes=1440, reopening="open")
        boss = factories.member(db, project, "researcher")
        ids = project.id, who.id, held.id, boss.id
    wrong: list[BaseException] = []
    gate = threading.Barrier(16)

    def act(number: int) -> None:
        gate.wait()
        try:
            with session_factory()() as db, db.begin():
                project, who = db.get(Project, ids[0]), db.get(User, ids[1])
                assert project
                assert who
                if number % 3 == 0:
                    claims.lock_labeler(db, project.id, who.id)
                    desk_payload.reopen_on_desk(
                        db, project, assignments.get_own_assignment(db, project, ids[2], who.id), SOON
                    )
                elif number % 3 == 1:
                    desk_payload.next_desk_payload(db, project, who, SOON)
                    claims.prefetch_assignment(db, project, who, SOON)
                else:
                    boss = db.get(User, ids[3])
                    assert boss
                    returns.return_submission(db, project, ids[2], boss, "look", SOON)
        except DomainError:
            pass  # refused in words: too late, on the desk already, returned already
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with transaction() as db:
        states = list(db.scalars(select(Assignment.state)))
        assert states.count("leased") == 1
        assert states.count("reserved") <= 1
        assert db.scalar(text("SELECT count(*) FROM previous_submission WHERE ended_at IS NULL")) == 1
        bad = text(
            "SELECT count(*) FROM task t WHERE assigned_count <> (SELECT count(*) FROM assignment a"
            " WHERE a.task_id = t.id AND a.state <> 'expired')"
        )
        assert db.scalar(bad) == 0


def test_history_is_searched(db: Session) -> None:
    project, who, held = judged(db)
    second = claims.claim_assignment(db, project, who, NOW)
    assert second
    assignments.record_events(db, project, second, [event(0, None, flagged=True)], NOW)
    assignments.submit_assignment(db, project, second, "give_up", "No idea about 7% of it", None, SOON)

    def find_ids(**search: object) -> list[int]:
        rows, _ = history.list_submissions(db, project, who, HistorySearch(**search))  # type: ignore[arg-type]
        return [row[0].id for row in rows]

    assert find_ids() == [second.id, held.id]
    assert find_ids(query="problem 0") == [held.id]
    assert find_ids(query="7%") == [second.id]
    assert find_ids(query="7_") == []
    assert find_ids(finish="solution") == [held.id]
    assert find_ids(since=NOW.date(), until=NOW.date()) == [second.id, held.id]
    assert find_ids(since=NOW.date() + dt.timedelta(days=1)) == []
    assert find_ids(flagged=True) == [second.id]


def test_notes_are_kept_once_and_the_newest_counts(db: Session) -> None:
    _, _, held = judged(db)
    first = notes.Note(uuid4(), 1, " Is 0 allowed? ")
    for note in (first, first, notes.Note(uuid4(), 0, "so"), notes.Note(uuid4(), 0, "")):
        notes.save_note(db, held, note)
    assert notes.load_notes(db, [held.id]) == {held.id: {(1, 0): "Is 0 allowed?"}}
    for nowhere in (notes.Note(uuid4(), 9, "x"), notes.Note(uuid4(), 0, "x", candidate=1)):
        with pytest.raises(Invalid):
            notes.save_note(db, held, nowhere)
    _, _, other = judged(db)
    with pytest.raises(Invalid, match="used before"):
        notes.save_note(db, other, first)


def test_time_that_cannot_be_is_cut(db: Session) -> None:
    project, who, _ = judged(db)
    second = claims.claim_assignment(db, project, who, NOW)
    assert second
    assignments.record_events(db, project, second, [event(0, 1, 3_600_000), event(1, 1, 3_600_000)], SOON)
    assignments.submit_assignment(db, project, second, "solution", "", 2_000_000_000, SOON)
    # two minutes, and one of slack
    assert (second.active_time_ms, second.total_time_ms) == (
        180_000,
        180_000,
    )


def test_the_usual_pace_needs_days_to_say(db: Session) -> None:
    project, who, held = judged(db, 2)
    assert pace.compute_usual_pace(db, project, who, NOW) is None
    for days, steps in ((1, 2), (2, 4), (3, 6)):
        task = factories.task(db, factories.solution(db, factories.problem(db, project)), assigned_count=1)
        assignment = Assignment(
            project_id=project.id, task_id=task.id, user_id=who.id, state="submitted",
            finish_reason="solution", submitted_at=NOW - dt.timedelta(days=days), active_time_ms=60_000,
        )  # fmt: skip
        db.add(assignment)
        db.flush()
        db.add_all(
            StepLabel(assignment_id=assignment.id, position=at, ratings=[1], flags=[None])
            for at in range(steps)
        )
    db.flush()
    assert pace.compute_usual_pace(db, project, who, NOW) == 4.0
    assert pace.load_day_totals(db, project, who, NOW) == {
        "count": 1,
        "active_ms": held.active_time_ms,
        "steps": 2,
    }


def test_pages_without_scripts(web: TestClient, db: Session) -> None:
    project, who, held = judged(db, reopening="open")
    boss = factories.member(db, project, "researcher")
    base = f"/projects/{project.slug}"
    page = f"{base}/assignments/{held.id}"
    factories.sign_in(web, db, who)
    assert web.post(f"{page}/return", data={"reason": "x"}).status_code == 403
    assert web.post(f"{page}/note", data={"position": "1", "text": "<i>hm</i>"}).status_code == 303
    assert "&lt;i&gt;hm&lt;/i&gt;" in web.get(page).text
    assert (
        "has notes" in web.get(f"{base}/history?query=problem&finish=solution&since=2026-01-01&until=").text
    )
    assert "No submissions found" in web.get(f"{base}/history?query=zebra").text
    assert web.get(f"{base}/history?since=nonsense").status_code == 422

    factories.sign_in(web, db, boss)
    assert "&lt;i&gt;hm&lt;/i&gt;" in web.get(page).text
    empty = web.post(f"{page}/return", data={"reason": " "})
    assert (empty.status_code, "A reason is required" in empty.text) == (422, True)
    assert web.post(f"{page}/return", data={"reason": "Step <2>?"}).status_code == 303
    assert "Step &lt;2&gt;?" in web.get(page).text

    factories.sign_in(web, db, who)
    assert "1 returned to you" in web.get(f"{base}/history").text
    assert web.post(f"{page}/reopening").headers["location"] == f"{base}/desk"
    assert "open at your desk" in web.get(f"{base}/history").text


def test_notes_and_returns_by_the_api(web: TestClient, db: Session) -> None:
    project, who, held = judged(db, reopening="open")
    notes.save_note(db, held, notes.Note(uuid4(), 1, "First"))
    notes.save_note(db, held, notes.Note(uuid4(), 1, "Is 0 allowed?"))
    notes.save_note(db, held, notes.Note(uuid4(), 0, "Gone"))
    notes.save_note(db, held, notes.Note(uuid4(), 0, ""))
    notes.save_note(db, judged(db)[2], notes.Note(uuid4(), 0, "Another project's"))
    api = f"/api/v1/projects/{project.slug}"
    factories.sign_in(web, db, who)
    assert web.get(f"{api}/notes").status_code == 403
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    listed_notes = web.get(f"{api}/notes").json()
    [note] = listed_notes["notes"]
    assert (note["assignment_id"], note["position"], note["candidate"]) == (held.id, 1, 0)
    assert (note["text"], note["labeler"], listed_notes["next_cursor"]) == (
        "Is 0 allowed?",
        str(who.uuid),
        None,
    )
    assert web.get(f"{api}/notes?cursor={note['id']}").json() == {"notes": [], "next_cursor": None}

    back = f"{api}/assignments/{held.id}/returns"
    assert web.post(back, json={"reason": " "}).status_code == 422
    response = web.post(back, json={"reason": "Step 2?"})
    assert (response.status_code, response.json()["reason"], response.json()["resubmitted_at"]) == (
        201,
        "Step 2?",
        None,
    )
    assert web.post(back, json={"reason": "Again"}).status_code == 409
    only = {"returns": [response.json()], "next_cursor": None}
    assert web.get(f"{api}/returns").json() == web.get(f"{api}/returns?resubmitted=false").json() == only
    assert web.get(f"{api}/returns?resubmitted=true").json()["returns"] == []
    assert web.get(f"{api}/returns?cursor={response.json()['id']}").json()["returns"] == []
