"""Freezing an evaluation set: solutions, verdicts and reference labels are copied and hashed. Later
changes to verdicts or labels do not affect it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, insert, text
from sqlalchemy.orm import Session

from app.answers.prover_process import ProverProcess
from app.core.db import transaction
from app.core.errors import DomainError, Invalid
from app.evaluation.answer_classes import answer_classes
from app.evaluation.models import EvaluationItem, EvaluationSet
from app.evaluation.reference_labels import ReferenceLabel, load_people_labels

BATCH = 2_000
ROWS = text(
    """
    WITH chosen AS (
      SELECT p.id FROM problem p
      WHERE p.project_id = :project_id AND p.split = ANY(:splits)
        AND (CAST(:subject AS text) IS NULL OR p.subject = :subject)
        AND (CAST(:level AS text) IS NULL OR p.level = :level)
        AND (CAST(:source AS text) IS NULL OR p.source = :source)
        AND (EXISTS (SELECT FROM solution s WHERE s.problem_id = p.id AND s.verdict IS NOT NULL
                     OFFSET CAST(:least_solutions AS int) - 1)
             OR p.id = ANY(CAST(:labeled AS bigint[]))
             OR (:file_labels AND EXISTS (
                   SELECT FROM solution s JOIN external_label o ON o.solution_id = s.id
                   WHERE s.problem_id = p.id
                     AND (CAST(:external_source AS text) IS NULL OR o.source = 'file:' || :external_source))))
      ORDER BY md5(CAST(:seed AS text) || '/' || p.external_id) LIMIT CAST(:most_problems AS bigint)
    )
    SELECT s.problem_id, p.statement_hash, s.id, s.digest, s.final_answer, s.verdict,
           cardinality(s.steps) AS steps, o.first_error, o.ratings
    FROM chosen c JOIN problem p ON p.id = c.id JOIN solution s ON s.problem_id = p.id
    LEFT JOIN LATERAL (SELECT first_error, ratings FROM external_label o
                       WHERE :file_labels AND o.solution_id = s.id
                         AND (CAST(:external_source AS text) IS NULL
                              OR o.source = 'file:' || :external_source)
                       ORDER BY o.source LIMIT 1) o ON true
    ORDER BY s.problem_id, s.id
    """
)


def freeze_set(set_id: int) -> None:
    """Freeze a queued set. A set that no metric can use fails with the reason."""
    try:
        with transaction() as db, ProverProcess() as prover:
            frozen = db.get(EvaluationSet, set_id, with_for_update=True)
            if frozen is not None and frozen.state == "queued":
                _freeze(db, frozen, prover)
    except DomainError as error:
        with transaction() as db:
            failed = db.get_one(EvaluationSet, set_id)
            failed.state, failed.error = "failed", f"{error.message} {error.remedy}".strip()


def _freeze(db: Session, frozen: EvaluationSet, prover: ProverProcess) -> None:
    digest, counts = hashlib.sha256(), Counter[str]()
    truths = (
        load_people_labels(db, frozen.project_id) if frozen.definition["labels"] in ("any", "people") else {}
    )
    batch: list[dict[str, Any]] = []
    for _, rows in groupby(_rows(db, frozen, truths), key=lambda row: row.problem_id):
        for item, line in _items(frozen, list(rows), truths, counts, prover):
            digest.update(orjson.dumps(line) + b"\n")
            batch.append(item)
        if len(batch) >= BATCH:
            db.execute(insert(EvaluationItem), batch)
            batch = []
    if batch:
        db.execute(insert(EvaluationItem), batch)
    if not counts["several"] and not counts["first_errors"] and not counts["no_errors"]:
        raise Invalid(
            "Nothing to evaluate: no problem has several graded solutions, and no solution has a labeled "
            "first error.",
            remedy="Import several solutions per problem, grade them, or choose other splits.",
        )
    frozen.hash, frozen.counts, frozen.state = digest.digest(), dict(+counts), "succeeded"


def _rows(db: Session, frozen: EvaluationSet, truths: dict[int, ReferenceLabel]) -> Iterable[Row[Any]]:
    definition = frozen.definition
    labeled = {truth.problem_id for truth in truths.values()}
    return db.execute(
        ROWS.execution_options(yield_per=BATCH),
        {
            **{
                name: definition[name] for name in ("splits", "subject", "level", "source", "least_solutions")
            },
            "most_problems": definition["most_problems"],
            "seed": str(definition["seed"]),
            "labeled": sorted(labeled),
            "file_labels": definition["labels"] in ("any", "file"),
            "external_source": definition.get("external_source"),
            "project_id": frozen.project_id,
        },
    )


def _items(
    frozen: EvaluationSet,
    rows: list[Row[Any]],
    truths: dict[int, ReferenceLabel],
    counts: Counter[str],
    prover: ProverProcess,
) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Items of one problem, each with the line that it adds to the hash."""
    usable = [row for row in rows if row.verdict or row.first_error is not None or row.id in truths]
    graded = sum(row.verdict is not None for row in usable)
    counts["problems"] += bool(usable)
    counts["several"] += graded >= max(2, frozen.definition["least_solutions"])
    answers = answer_classes([row.final_answer for row in usable], [row.verdict for row in usable], prover)
    for row, answer in zip(usable, answers, strict=True):
        first_error, ratings, source = _reference_label(row, truths.get(row.id))
        counts["solutions"] += 1
        counts[row.verdict or "ungraded"] += 1
        counts["first_errors"] += first_error is not None and first_error >= 0
        counts["no_errors"] += first_error == -1
        counts["rated_steps"] += sum(rating is not None for rating in ratings or [])
        counts[f"labels_from_{source}"] += source != ""
        item = {
            "evaluation_set_id": frozen.id,
            "solution_id": row.id,
            "problem_id": row.problem_id,
            "verdict": row.verdict,
            "answer": answer,
            "first_error": first_error,
            "ratings": ratings,
        }
        line = [row.statement_hash.hex(), row.digest.hex(), row.verdict, answer, first_error, ratings]
        yield item, line


def _reference_label(
    row: Row[Any], truth: ReferenceLabel | None
) -> tuple[int | None, list[int | None] | None, str]:
    """First error, ratings and source: people's labels, or else file labels that fit the steps."""
    if truth is not None:
        return truth.first_error, truth.ratings, "people"
    first = row.first_error if row.first_error is not None and row.first_error < row.steps else None
    ratings = row.ratings if row.ratings is not None and len(row.ratings) <= row.steps else None
    return first, ratings, "file" if first is not None or ratings is not None else ""
