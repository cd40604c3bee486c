# ruff: noqa: E501
"""The queue of adjudication over many labels: opening it and going from one decision to the next, against
one statement that reads every label anew (what the queue was). Every solution is judged by three, eight
steps each. Prints milliseconds, and what the notes that keep it cost whoever submits or imports.

    STEPMARK_TEST_SERVER=postgresql://... PYTHONPATH=. python bench/adjudication.py --solutions 4200 42000"""

from __future__ import annotations

import argparse
import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.db import engine, transaction
from app.projects.models import Project
from app.quality import adjudication, adjudication_queue
from bench.agreement import FILL
from bench.database import served
from bench.timing import took

ANEW = text(
    """
    WITH judged AS (
        SELECT l.solution_id, coalesce(min(l.position) FILTER (WHERE l.rating = -1),
                CASE WHEN count(*) = max(l.steps) THEN -1 END) AS first_error, bool_or(l.flagged) AS flagged
        FROM solution_step_label l JOIN problem p ON p.id = l.problem_id
        WHERE l.project_id = :project AND l.state = 'submitted' AND p.split <> 'test'
          AND l.finish_reason IN ('solution', 'found_error') AND l.kind <> 'screening'
          AND NOT EXISTS (SELECT 1 FROM adjudication d WHERE d.solution_id = l.solution_id)
          AND NOT EXISTS (SELECT 1 FROM control_answer k WHERE k.task_id = l.task_id)
        GROUP BY l.solution_id, l.assignment_id
    ), found AS (
        SELECT solution_id, count(*) AS labelers, count(DISTINCT first_error) > 1 AS disagreement,
            coalesce(bool_or(flagged), false) AS flagged FROM judged GROUP BY solution_id
    )
    SELECT f.*, p.statement FROM found f JOIN solution s ON s.id = f.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE f.disagreement OR f.flagged ORDER BY f.disagreement DESC, f.flagged DESC, f.solution_id LIMIT 30
    """
)
COPIED = (
    "INSERT INTO assignment (project_id, task_id, user_id, state, submitted_at, finish_reason)"
    " SELECT project_id, id, (SELECT max(id) FROM user_account), 'submitted', now(), 'solution' FROM task"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--solutions", type=int, nargs="+", default=[4_200, 42_000])
    options = parser.parse_args()
    with served("bench_adjudication"):
        for size in options.solutions:
            measured(size)


def measured(size: int) -> None:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as fill:
        for statement in FILL:
            fill.execute(text(statement.format(solutions=size, people=30)))
        fill.execute(text("INSERT INTO user_account (email) VALUES ('last@example.org')"))
        fill.execute(text("VACUUM ANALYZE"))
    with transaction() as db:
        project = db.scalar(text("SELECT id FROM project"))
        labels = db.scalar(text("SELECT count(*) FROM step_label"))
        anew = took(lambda: db.execute(ANEW, {"project": project}).all(), 3)
    begun = time.perf_counter()
    adjudication_queue.refresh_all(project)
    total_s = time.perf_counter() - begun

    def opened(db: Session, after: int = 0) -> int:
        adjudication_queue.refresh_changed(db, project)
        adjudication.count_candidates(db, project)
        adjudication.list_candidates(db, project)
        return adjudication.next_candidate(db, project, None, after) or 0

    with transaction() as db:
        waits = adjudication.count_candidates(db, project)
        page = took(lambda: opened(db), 9)
    last = 0

    def decided() -> None:
        nonlocal last
        with transaction() as db:
            last = opened(db, last)
            work, actor = (
                db.get_one(Project, project),
                db.scalars(text("SELECT id FROM user_account")).first(),
            )
            adjudication.record_decision(db, work, db.get_one(User, actor), last, [-1], "Wrong.")

    decision_ms = took(decided, 15)
    with_notes, without = copied(True), copied(False)
    print(f"{labels:,} ratings, {waits:,} solutions wait")
    print(f"all labels read anew          {anew:10.1f} ms")
    print(f"the queue opened              {page:10.1f} ms   {anew / page:.0f} times")
    print(f"a decision and the next one   {decision_ms:10.1f} ms")
    print(f"worker looks through all once {total_s:10.1f} s")
    print(
        f"{size:,} submissions in one statement: {with_notes:.0f} ms with their notes, {without:.0f} without"
    )


def copied(notes: bool) -> float:
    with engine().begin() as db:
        if not notes:
            db.execute(text("ALTER TABLE assignment DISABLE TRIGGER assignment_insert_recheck"))
        begun = time.perf_counter()
        db.execute(text(COPIED))
        done = 1000 * (time.perf_counter() - begun)
        db.rollback()
    return done


if __name__ == "__main__":
    main()
