"""Pick the 5,000 most convincing wrong answers, capped per problem, from many scored solutions.

    PYTHONPATH=. python bench/selection.py --server postgresql://... [--scored 1000000]

Makes a scratch database, fills it by SQL (10,000 problems of different difficulty, half the
solutions wrong, some unparseable, some twins; eight steps each, of 60 letters, many of them said
again elsewhere), then picks with app.selection.select_sql at 100,000 scored solutions and at --scored:
by the paper's mixture, and beside it by the strategies that go by steps, and with the plain query
that sorts everything. Prints a table of medians; drops the database."""

from __future__ import annotations

import argparse
import statistics
import time

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import make_engine
from app.selection.config import Policy
from app.selection.select_sql import select_solutions
from bench.database import fresh

POLICY = Policy(size=5_000, per_problem=4)
POLICIES = {
    "lightman_80_20": POLICY,
    **{
        strategy: Policy(size=POLICY.size, per_problem=POLICY.per_problem, shares={strategy: 1.0})
        for strategy in ("uncertain_step", "convincing_wrong_by_step")
    },
}
FILL = """
    INSERT INTO project (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (1, 'bench', 'Bench');
    INSERT INTO problem (id, project_id, external_id, statement, statement_hash, split)
      OVERRIDING SYSTEM VALUE
      SELECT n, 1, 'p' || n, 'What is ' || n || '?', sha256(n::text::bytea),
             CASE WHEN n % 20 = 0 THEN 'test' ELSE 'train' END
      FROM generate_series(1, {problems}) n;
    INSERT INTO solution (id, project_id, problem_id, external_id, steps, digest, final_answer, verdict)
      OVERRIDING SYSTEM VALUE
      SELECT n, 1, 1 + n % {problems}, 's' || n,
             ARRAY(SELECT rpad('So ' || step || ': ' || abs(hashint8extended(n, step) % 20000), 60, ' and on')
                   FROM generate_series(1, 8) step),
             decode(md5((n / 2)::text), 'hex'), n::text,
             CASE WHEN hashint8(n) % 20 = 0 THEN 'unparseable' WHEN hashint8(n) % 2 = 0 THEN 'incorrect'
                  ELSE 'correct' END
      FROM generate_series(1, {scored}) n;
    INSERT INTO model (id, project_id, name, path, weights_hash, config)
      OVERRIDING SYSTEM VALUE VALUES (1, 1, 'bench', 'bench', ''::bytea, '{{}}');
    INSERT INTO score (model_id, solution_id, problem_id, log_score, step_probs)
      SELECT 1, n, 1 + n % {problems}, log_score,
             -- one step in three is doubted: it takes half of what is left of the score
             (SELECT array_agg(part ORDER BY step, place) FROM (
                SELECT step, place, CASE place WHEN 0 THEN 1 - p WHEN 1 THEN p / 10 ELSE p * 0.9 END AS part
                FROM (SELECT step, CASE WHEN (n + step) % 3 > 0 THEN 1
                                        ELSE exp(greatest(log_score, -20) / 2 ^ (1 + step / 3)) END AS p
                      FROM generate_series(0, 7) step) steps,
                     generate_series(0, 2) place) parts)::real[]
      FROM (SELECT n, ln((abs(hashint8extended(n, 7) % 1000000) + 1) / 1000001.0)
                        * (1 + (1 + n % {problems}) % 7) AS log_score
            FROM generate_series(1, {scored}) n) made;
"""
PLAIN = text(
    """SELECT solution_id FROM (
         SELECT c.solution_id, c.log_score,
                row_number() OVER (PARTITION BY c.problem_id ORDER BY c.log_score DESC) AS place
         FROM score c JOIN solution s ON s.id = c.solution_id JOIN problem p ON p.id = s.problem_id
         WHERE c.model_id = 1 AND s.verdict = 'incorrect' AND p.split <> 'test'
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


def measure(server: str, scored: int) -> dict[str, tuple[float, int]]:
    """By what was asked, seconds and how many were picked."""
    with fresh(server, "stepmark_bench_selection") as url:
        filled(url, scored)
        engine = make_engine(url, pool_size=1)
        with Session(engine) as db:
            timings = {
                name: timed(lambda policy=policy: select_solutions(db, 1, 1, policy), 5)
                for name, policy in POLICIES.items()
            }
            timings["plain query"] = timed(lambda: db.execute(PLAIN).all(), 2)
        engine.dispose()
    return timings


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--server", required=True)
    parse.add_argument("--scored", type=int, default=1_000_000)
    arguments = parse.parse_args()
    print(f"{'scored':>12} {'picked':>7} {'s':>7} {'of 80/20':>13} {'growth':>7}")
    few: dict[str, float] = {}
    for scored in sorted({100_000, arguments.scored}):
        timings = measure(arguments.server, scored)
        paper, _ = timings["lightman_80_20"]
        for name, (took, picked) in timings.items():
            growth = took / few.setdefault(name, took)
            print(
                f"{scored:>12,} {picked:>7,} {took:>7.2f} {took / paper:>13.1f} {growth:>7.1f}  {name}",
                flush=True,
            )


if __name__ == "__main__":
    main()
