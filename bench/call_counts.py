"""What a claim and a cycle (one rating, a submission, the next solution) cost the web process before any
network: statements, Python calls and CPU, from finding who asks to the answer's JSON. Calls and statements
are counts, the same on every machine.

    DATABASE_URL=postgresql://... PYTHONPATH=. python bench/call_counts.py"""

from __future__ import annotations

import cProfile
import datetime as dt
import os
import pstats
import statistics
import time
import uuid
from collections.abc import Callable

from fastapi.responses import JSONResponse
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from starlette.requests import Request

from app.core import db as core_db
from app.labeling import assignments, claims, desk_payload, gold_feedback
from app.labeling.rating_events import RatingEventData
from app.projects.access import Access, require_member
from bench.claim import fill
from bench.database import fresh

EACH = 100
held: dict[str, int] = {}


def load_access(db: Session, token: str) -> Access:
    scope = {"type": "http", "headers": [(b"cookie", f"stepmark={token}".encode())], "state": {}}
    return require_member(Request(scope), "pilot", db)


def next_one(db: Session, access: Access, token: str) -> None:
    sheet = desk_payload.next_desk_payload(db, access.project, access.user, dt.datetime.now(dt.UTC))
    assert sheet
    held[token] = sheet["assignment"]["id"]
    JSONResponse(sheet)


def claim(engine: Engine, token: str) -> None:
    with Session(engine, expire_on_commit=False) as db, db.begin():
        next_one(db, load_access(db, token), token)


def cycle(engine: Engine, token: str) -> None:
    now = dt.datetime.now(dt.UTC)
    with Session(engine, expire_on_commit=False) as db, db.begin():
        access = load_access(db, token)
        assignment = assignments.get_own_assignment(db, access.project, held[token], access.user.id)
        result = assignments.record_events(
            db, access.project, assignment, [RatingEventData(uuid.uuid4(), 0, 0, -1, None, 500, now)], now
        )
        assert result.refusal is None
        desk_payload.ratings_to_json(result.current)
    with Session(engine, expire_on_commit=False) as db, db.begin():
        access = load_access(db, token)
        claims.lock_labeler(db, access.project.id, access.user.id)
        assignment = assignments.get_own_assignment(db, access.project, held[token], access.user.id)
        assignments.submit_assignment(db, access.project, assignment, "found_error", "", 1000, now)
        gold_feedback.build_gold_feedback(db, access.project, assignment)
        next_one(db, access, token)


def measure(engine: Engine, tokens: list[str], act: Callable[[Engine, str], None], name: str) -> None:
    """After a first hundred to get warm: CPU as a median of five hundreds, then calls of another."""
    hundreds = [tokens[at : at + EACH] for at in range(0, 7 * EACH, EACH)]
    for token in hundreds[0]:
        act(engine, token)
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(engine, "before_cursor_execute", count)
    spent = []
    for part in hundreds[1:6]:
        begun = time.process_time()
        for token in part:
            act(engine, token)
        spent.append(1000 * (time.process_time() - begun) / EACH)
    profile = cProfile.Profile()
    profile.enable()
    for token in hundreds[6]:
        act(engine, token)
    profile.disable()
    event.remove(engine, "before_cursor_execute", count)
    calls = pstats.Stats(profile).total_calls / EACH  # type: ignore[attr-defined]
    print(
        f"| {name:6} | {statements / EACH / 6:4.1f} statements | {calls:,.0f} calls"
        f" | {statistics.median(spent):.1f} ms of CPU |"
    )


def main() -> None:
    with fresh(os.environ["DATABASE_URL"], "bench_calls") as url:
        tokens = fill(url, "pilot", 4000, 700)
        engine = core_db.make_engine(url, pool_size=2)
        measure(engine, tokens, claim, "claim")
        measure(engine, tokens, cycle, "cycle")
        engine.dispose()


if __name__ == "__main__":
    main()
