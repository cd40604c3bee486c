"""Import and export of 100,000 labeled solutions / 1,000,000 ratings in PRM800K's shape,
against a bare COPY of the same values, and the same ratings as Parquet, in one run:

    DATABASE_URL=postgresql://... python bench/exchange.py [--rows 100000]

Creates two projects in that database and deletes them again. CPU and peak memory are those of the Python process."""

# ruff: noqa: E501
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = [
    "we",
    "let",
    "the",
    "sum",
    "of",
    "both",
    "sides",
    "so",
    "that",
    "x",
    "equals",
    "y",
    "and",
    "then",
    "divide",
    "by",
    "two",
    "to",
    "get",
    "a",
    "value",
]
NAME = "bench exchange"
PARQUET_NAME = "bench exchange parquet"


def write_rows(path: Path, rows: int) -> None:
    draw = random.Random(7)  # noqa: S311
    labelers = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(50)]
    with path.open("w") as out:
        for number in range(rows):
            steps = [
                f"{' '.join(draw.choices(WORDS, k=2))} $x_{{{number}}} = {draw.random():.6f}$."
                for _ in range(10)
            ]
            wrong = draw.random() < 0.6
            label = [
                {"completions": [{"text": step, "rating": draw.choice((1, 1, 1, 0)), "flagged": None}],
                 "human_completion": None, "chosen_completion": 0}
                for step in steps
            ]  # fmt: skip
            if wrong:
                label[-1]["completions"][0]["rating"] = -1
                label[-1]["chosen_completion"] = None
            question = {
                "problem": f"Problem {number // 8}: {' '.join(draw.choices(WORDS, k=30))} {number // 8}?",
                "ground_truth_solution": None, "ground_truth_answer": str(number // 8),
                "pre_generated_steps": steps, "pre_generated_answer": str(number // (8 if not wrong else 9)),
                "pre_generated_verifier_score": draw.random(),
            }  # fmt: skip
            question["problem"] = f"Problem {number // 8}: what is the value of x in the sum of both sides?"
            json.dump(
                {"labeler": draw.choice(labelers), "timestamp": f"2022-11-22T16:51:29.{number:06d}",
                 "generation": 1 + number % 9, "is_quality_control_question": False,
                 "is_initial_screening_question": False, "question": question,
                 "label": {"steps": label, "total_time": 1000 + number,
                           "finish_reason": "found_error" if wrong else "solution"}}, out)  # fmt: skip
            out.write("\n")


def run_import(path: Path) -> str:
    from app.core.db import transaction
    from app.exchange import importer
    from app.projects.models import Project

    with transaction() as db:
        project = Project(name=NAME, slug="bench-exchange")
        db.add(project)
        db.flush()
        begun = importer.create_import(db, project, path)
    done = importer.run_import(begun.id)
    assert done.state == "succeeded", done.error
    assert done.counts["errors"] == 0, done.counts
    return f"{done.counts['labels']:,} labels"


def run_export(path: Path) -> str:
    from app.core.db import transaction
    from app.exchange import exporter
    from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
    from app.projects.models import Project

    with transaction() as db:
        project = db.query(Project).filter_by(name=NAME).one()
        written = exporter.write_file(db, project.id, FORMAT, Prm800kParameters(), path)
    return f"{written.rows:,} rows, {written.bytes / 1e6:.0f} MB"


def run_parquet_export(path: Path) -> str:
    """One row for each rating."""
    return export_table("steps", path)


def run_stepwise_export(path: Path) -> str:
    """One row for each solution, to import again."""
    return export_table("trl-stepwise", path)


def export_table(name: str, path: Path) -> str:
    from app.core.db import transaction
    from app.exchange import exporter
    from app.exchange.exports import EXPORT_FORMATS
    from app.exchange.file_types import PARQUET
    from app.projects.models import Project

    format = EXPORT_FORMATS[name]
    with transaction() as db:
        project = db.query(Project).filter_by(name=NAME).one()
        written = exporter.write_file(db, project.id, format, format.parameters(), path, file_type=PARQUET)
    return f"{written.rows:,} rows, {written.bytes / 1e6:.0f} MB"


def run_parquet_import(path: Path) -> str:
    from app.core.db import transaction
    from app.exchange import importer
    from app.projects.models import Project

    with transaction() as db:
        project = Project(name=PARQUET_NAME, slug="bench-exchange-parquet")
        db.add(project)
        db.flush()
        created = importer.create_import(db, project, path)
    done = importer.run_import(created.id)
    assert done.state == "succeeded", done.error
    return f"{done.counts['solutions']:,} solutions, {done.counts['errors']:,} rejected"


def copy_in(path: Path) -> str:
    """The plain script: json, no checks, no keys, one COPY a table."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection, path.open() as lines:
        connection.execute(
            "CREATE TABLE bare_row (id int, labeler text, at text, problem text, steps text[], rest text)"
        )
        connection.execute("CREATE TABLE bare_rating (row int, position int, rating int)")
        ratings = []
        with connection.cursor().copy("COPY bare_row FROM STDIN") as copy:
            for number, line in enumerate(lines):
                row = json.loads(line)
                question, label = row["question"], row["label"]
                copy.write_row((number, row["labeler"], row["timestamp"], question["problem"],
                                question["pre_generated_steps"], label["finish_reason"]))  # fmt: skip
                ratings += [
                    (number, at, step["completions"][0]["rating"]) for at, step in enumerate(label["steps"])
                ]
        with connection.cursor().copy("COPY bare_rating FROM STDIN") as copy:
            for rating in ratings:
                copy.write_row(rating)
    return f"{len(ratings):,} ratings"


def copy_out(path: Path) -> str:
    import psycopg

    query = ("COPY (SELECT json_build_object('labeler', labeler, 'timestamp', at, 'problem', problem, 'steps', steps,"
             " 'finish', rest, 'ratings', (SELECT json_agg(rating ORDER BY position) FROM bare_rating b WHERE b.row = r.id))"
             " FROM bare_row r) TO STDOUT")  # fmt: skip
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection, path.open("wb") as out:
        connection.execute("CREATE INDEX ON bare_rating (row)")
        connection.execute("ANALYZE bare_rating")
        with connection.cursor().copy(query) as copy:
            for piece in copy:
                out.write(piece)
        connection.execute("DROP TABLE bare_row, bare_rating")
    return f"{path.stat().st_size / 1e6:.0f} MB"


def measure(action: Callable[[Path], str], path: Path) -> tuple[float, float, int, str]:
    """Seconds, processor seconds, peak megabytes and a summary, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (action, path))


def _measure(action: Callable[[Path], str], path: Path) -> tuple[float, float, int, str]:
    started, cpu = time.perf_counter(), time.process_time()
    summary = action(path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    import psycopg

    from app.core.startup import ready_database

    with tempfile.TemporaryDirectory() as folder, ready_database():
        names = ("rows.jsonl", "out.jsonl", "plain.jsonl", "steps.parquet", "stepwise.parquet")
        source, out, plain, steps, stepwise = (Path(folder) / name for name in names)
        write_rows(source, rows)
        print(f"{rows:,} rows, {source.stat().st_size / 1e6:.0f} MB")
        results: dict[str, Any] = {}
        for name, action, path in (("bare COPY in", copy_in, source), ("import", run_import, source),
                                 ("bare COPY out", copy_out, plain), ("export", run_export, out),
                                 ("Parquet export", run_parquet_export, steps),
                                 ("stepwise export", run_stepwise_export, stepwise),
                                 ("Parquet import", run_parquet_import, stepwise)):  # fmt: skip
            results[name] = measure(action, path)
        is_equal = all(json.loads(a) == json.loads(b) for a, b in zip(source.open(), out.open(), strict=True))
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.execute("DELETE FROM project WHERE name = ANY(%s)", ([NAME, PARQUET_NAME],))
    print(f"{'':16}{'seconds':>9}{'CPU':>9}{'peak MB':>9}{'of bare':>9}")
    for name, (seconds, cpu, peak, summary) in results.items():
        bare = results["bare COPY in" if name.endswith(("in", "import")) else "bare COPY out"][0]
        print(f"{name:16}{seconds:9.1f}{cpu:9.1f}{peak:9}{seconds / bare:8.1f}x  {summary}")
    print(f"every row equal as JSON: {is_equal}")


if __name__ == "__main__":
    main()
