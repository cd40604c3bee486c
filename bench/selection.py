"""Pick the 5,000 most convincing wrong answers, capped per problem, from many scored solutions.

    PYTHONPATH=. python bench/selection.py --server postgresql://... [--scored 1000000]

Makes a scratch database, fills it by SQL (10,000 problems of different difficulty, half the
solutions wrong, some unparseable, some twins), then picks with app.selection.choose at
100,000 scored solutions and at --scored, and beside it the plain query that sorts everything.
Prints a table of medians; drops the database."""

from __future__ import annotations

import argparse
import statistics
import time

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import make_engine
from app.selection.choose import choose
from app.selection.config import Policy
from bench.database import fresh

POLICY = Policy(size=5_000, per_problem=4)
FILL = """
    INSERT INTO project (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (1, 'bench', 'Bench');
    INSERT INTO problem (id, project_id, external_id, statement, statement_hash, split)
      OVERRIDING SYSTEM VALUE
      SELECT n, 1, 'p' || n, 'What is ' || n || '?', sha256(n::text::bytea),
             CASE WHEN n % 20 = 0 THEN 'test' ELSE 'train' END
      FROM generate_series(1, {problems}) n;
    INSERT INTO solution (id, project_id, problem_id, external_id, steps, digest, final_answer, verdict)
      OVERRIDING SYSTEM VALUE
      SELECT n, 1, 1 + n % {problems}, 's' || n, ARRAY['First.', 'Then.', 'So.'],
             decode(md5((n / 2)::text), 'hex'), n::text,
             CASE WHEN hashint8(n) % 20 = 0 THEN 'unparseable' WHEN hashint8(n) % 2 = 0 THEN 'wrong'
                  ELSE 'right' END
      FROM generate_series(1, {scored}) n;
    INSERT INTO model (id, project_id, name, path, weights_hash, config)
      OVERRIDING SYSTEM VALUE VALUES (1, 1, 'bench', 'bench', ''::bytea, '{{}}');
    INSERT INTO score (model_id, solution_id, problem_id, log_score, step_probs)
      SELECT 1, n, 1 + n % {problems},
             ln((abs(hashint8extended(n, 7) % 1000000) + 1) / 1000001.0)
               * (1 + (1 + n % {problems}) % 7),
             ARRAY[0.1, 0.1, 0.8, 0.2, 0.1, 0.7, 0.1, 0.2, 0.7]::real[]
      FROM generate_series(1, {scored}) n;
"""
PLAIN = text(
    """SELECT solution_id FROM (
         SELECT c.solution_id, c.log_score,
                row_number() OVER (PARTITION BY c.problem_id ORDER BY c.log_score DESC) AS place
         FROM score c JOIN solution s ON s.id = c.solution_id JOIN problem p ON p.id = s.problem_id
         WHERE c.model_id = 1 AND s.verdict = 'wrong' AND p.split <> 'test'
           AND NOT EXISTS (SELECT FROM task t WHERE t.solution_id = s.id)
       ) ranked WHERE place <= 4 ORDER BY log_score DESC LIMIT 5000"""
)


def filled(url: str, scored: int) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SET synchronous_commit = off")
        for table in ("score", "solution"):
            indexes = db.execute(
                "SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE 'pk_%%'",
                [table],
            ).fetchall()
            names = db.execute(
                "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE 'pk_%%'",
                [table],
            ).fetchall()
            for (name,) in names:
                db.execute(f'DROP INDEX "{name}"')
            LATER.extend(definition for (definition,) in indexes)
        db.execute("SET session_replication_role = replica")  # no foreign key checks while filling
        db.execute(FILL.format(problems=10_000, scored=scored))
        for definition in LATER:
            db.execute(definition)
        LATER.clear()
        db.execute("VACUUM ANALYZE")


LATER: list[str] = []


def timed(run, times: int) -> tuple[float, int]:
    took, rows = [], 0
    for _ in range(times):
        start = time.perf_counter()
        rows = len(run())
        took.append(time.perf_counter() - start)
    return statistics.median(took), rows


def measure(server: str, scored: int) -> tuple[float, float, int]:
    with fresh(server, "stepmark_bench_selection") as url:
        filled(url, scored)
        engine = make_engine(url, pool_size=1)
        with Session(engine) as db:
            ours, picked = timed(lambda: choose(db, 1, 1, POLICY), 5)
            plain, _ = timed(lambda: db.execute(PLAIN).all(), 2)
        engine.dispose()
    return ours, plain, picked


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--server", required=True)
    parse.add_argument("--scored", type=int, default=1_000_000)
    asked = parse.parse_args()
    print(f"{'scored':>12} {'picked':>7} {'walk, s':>9} {'plain query, s':>15} {'plain / walk':>13}")
    found = []
    for scored in sorted({100_000, asked.scored}):
        ours, plain, picked = measure(asked.server, scored)
        found.append(ours)
        print(f"{scored:>12,} {picked:>7,} {ours:>9.2f} {plain:>15.2f} {plain / ours:>13.1f}", flush=True)
    print(f"growth of the walk: {found[-1] / found[0]:.2f}")


if __name__ == "__main__":
    main()
