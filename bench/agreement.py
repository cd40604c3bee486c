# ruff: noqa: E501
"""Agreement over many solutions judged by three: what the worker takes to count it, and what a visit of
the quality page takes meanwhile. Prints seconds, and milliseconds of what a page asks for.

    STEPMARK_TEST_SERVER=postgresql://... PYTHONPATH=. python bench/agreement.py --solutions 3000 100000"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import time

from sqlalchemy import text

from app.core.db import engine, transaction
from app.quality import agreement_job, agreement_report, labeler_stats
from bench.database import served
from bench.timing import took

FILL = (
    "TRUNCATE project, user_account CASCADE",
    "INSERT INTO project (name, slug) VALUES ('Pool', 'pool')",
    "INSERT INTO user_account (email) SELECT 'p' || n || '@example.org' FROM generate_series(1, {people}) n",
    """INSERT INTO problem (project_id, external_id, statement, statement_hash)
       SELECT p.id, 'p' || n, 'Basket ' || n, sha256(n::text::bytea) FROM project p, generate_series(1, {solutions}) n""",
    """INSERT INTO solution (project_id, problem_id, external_id, steps, digest)
       SELECT project_id, id, external_id, array_fill('So it goes.'::text, ARRAY[8]), statement_hash FROM problem""",
    """INSERT INTO task (project_id, solution_id, generation, overlap, assigned_count, reason)
       SELECT project_id, id, id % 5, 3, 3, '{{}}' FROM solution""",
    """INSERT INTO assignment (project_id, task_id, user_id, state, submitted_at, finish_reason)
       SELECT t.project_id, t.id, (SELECT min(id) FROM user_account) + (t.id * 7 + n * (1 + t.id % 3)) % {people},
              'submitted', now(), 'solution' FROM task t, generate_series(0, 2) n ON CONFLICT DO NOTHING""",
    """INSERT INTO step_label (assignment_id, position, ratings, flags)
       SELECT a.id, n, ARRAY[CASE WHEN (a.task_id + n) % 11 = 0 THEN -1 WHEN random() < 0.1 THEN -1
                                  WHEN random() < 0.3 THEN 0 ELSE 1 END]::smallint[], ARRAY[NULL]::boolean[]
       FROM assignment a, generate_series(0, 7) n""",
    "ANALYZE",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--solutions", type=int, nargs="+", default=[3_000, 100_000])
    parser.add_argument("--people", type=int, default=30)
    options = parser.parse_args()
    with served("bench_agreement"):
        measured(options.solutions, options.people)


def measured(sizes: list[int], people: int) -> None:
    print(f"{'solutions':>10} {'counted, s':>11} {'figures, ms':>12} {'labelers, ms':>13} {'peak MB':>8}")
    for size in sizes:
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as fill:
            for statement in FILL:
                fill.execute(text(statement.format(solutions=size, people=people)))
            fill.execute(text("VACUUM ANALYZE"))
        with transaction() as db:
            project = db.scalar(text("SELECT id FROM project"))
            agreement_report.request_report(db, project, dt.datetime.now(dt.UTC))
        begun = time.perf_counter()
        agreement_job.compute_agreement(project)
        total_s = time.perf_counter() - begun
        with transaction() as db:
            figures = took(lambda: agreement_report.get_report(db, project, dt.datetime.now(dt.UTC)))  # noqa: B023
            labelers = took(lambda: labeler_stats.list_labelers(db, project))  # noqa: B023
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size:>10,} {total_s:>11.1f} {figures:>12.1f} {labelers:>13.1f} {peak:>8.0f}")


if __name__ == "__main__":
    main()
