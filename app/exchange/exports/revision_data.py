"""Trajectories for training a reviser (search/revisions.py), from the correct and incorrect solutions of each
problem in the pool. Train problems only; problems of evaluation sets are left out, as they are of
snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from pydantic import Field
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.exchange.exports.base import BATCH, Columns, ExportParameters, Record, TableFormat
from app.search.protocols import Steps
from app.search.revisions import Trajectory, build_prompt, build_trajectories

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


class RevisionParameters(ExportParameters):
    generator: str = Field("", title="Generator", description="Only solutions of this generator.")
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        title="Seed",
        description="Which incorrect attempts precede which correct solution.",
    )


class RevisionColumns(Columns):
    problem_id: str
    problem: str
    """Statement of the problem."""
    attempts: list[list[str]]
    """Steps of the incorrect solutions, in order."""
    solution: list[str]
    """Steps of the correct solution."""
    prompt: str
    completion: str


class RevisionData(TableFormat):
    id = "revision-data"
    label = "Revision data"
    description = (
        "Trajectories for training a reviser: up to four incorrect solutions, the last the closest to the"
        " correct one that follows. Train problems only."
    )
    unit = "trajectory"
    columns = RevisionColumns
    parameters = RevisionParameters

    def records(self, db: Session, project_id: int, parameters: RevisionParameters) -> Iterator[Record]:
        values = {"project_id": project_id, "generator": parameters.generator or None}
        rows: Iterable[Row[Any]] = db.execute(SELECT_POOL.execution_options(yield_per=BATCH), values)
        for (_, name, statement), group in groupby(
            rows, key=lambda row: (row.id, row.external_id, row.statement)
        ):
            correct: list[Steps] = []
            incorrect: list[Steps] = []
            for row in group:
                (correct if row.verdict == "correct" else incorrect).append(tuple(row.steps))
            for trajectory in build_trajectories(correct, incorrect, seed=parameters.seed):
                yield Record("train", build_row(name, statement, trajectory))


def build_row(name: str, statement: str, trajectory: Trajectory) -> dict[str, Any]:
    return {
        "problem_id": name,
        "problem": statement,
        "attempts": [list(steps) for steps in trajectory.wrong],
        "solution": list(trajectory.right),
        "prompt": build_prompt(statement, trajectory.wrong),
        "completion": "\n".join(trajectory.right),
    }


FORMAT = RevisionData()
