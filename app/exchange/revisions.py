"""Trajectories for training a reviser (search/revisions.py), from the pool: what its generators did
right and wrong of each problem. Solutions of train-split problems only; those that an evaluation
set holds are left out, as they are of snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.search.protocols import Steps
from app.search.revisions import Trajectory, prompt, trajectories

BATCH = 2_000
SELECT_POOL = text(
    """SELECT p.id, p.external_id, p.statement, s.steps, s.verdict
       FROM problem p JOIN solution s ON s.problem_id = p.id
       WHERE p.project_id = :project_id AND p.split = 'train' AND s.verdict IN ('correct', 'incorrect')
         AND (CAST(:generator AS text) IS NULL OR s.generator = :generator)
         AND NOT EXISTS (SELECT FROM evaluation_item i WHERE i.problem_id = p.id)
         AND NOT EXISTS (SELECT FROM problem t WHERE t.project_id = p.project_id AND t.split = 'test'
                         AND t.statement_hash = p.statement_hash)
       ORDER BY p.id, s.id"""
)


def iter_lines(db: Session, project_id: int, generator: str | None, seed: int) -> Iterator[bytes]:
    """JSON Lines. `prompt` and `completion` are ready for supervised fine-tuning, a step a line."""
    asked = {"project_id": project_id, "generator": generator}
    rows: Iterable[Row[Any]] = db.execute(SELECT_POOL.execution_options(yield_per=BATCH), asked)
    for (_, name, statement), group in groupby(
        rows, key=lambda row: (row.id, row.external_id, row.statement)
    ):
        right: list[Steps] = []
        wrong: list[Steps] = []
        for row in group:
            (right if row.verdict == "correct" else wrong).append(tuple(row.steps))
        for each in trajectories(right, wrong, seed=seed):
            yield orjson.dumps(build_row(name, statement, each)) + b"\n"


def build_row(name: str, statement: str, found: Trajectory) -> dict[str, Any]:
    return {
        "problem_id": name,
        "problem": statement,
        "attempts": [list(steps) for steps in found.wrong],
        "solution": list(found.right),
        "prompt": prompt(statement, found.wrong),
        "completion": "\n".join(found.right),
    }
