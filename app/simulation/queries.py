"""What pages and the API show of simulations. Reads only."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.selection.forms import percentages
from app.selection.gate import PASSED
from app.simulation.models import Simulation, SimulationMeasurement
from app.simulation.policies import find_policy, in_order

RUN_FIELDS = (
    "id", "runner", "config", "policies", "seeds", "state", "progress", "error",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
FIELDS = ("seed", "policy", "test_set", "budget", "labeled", "negative", "n", "best_of", "gate")


def list_simulations(db: Session, project_id: int, limit: int = 50) -> list[Simulation]:
    """Newest first."""
    runs = select(Simulation).where(Simulation.project_id == project_id)
    return list(db.scalars(runs.order_by(Simulation.id.desc()).limit(limit)))


def list_measurements(db: Session, run: Simulation) -> list[SimulationMeasurement]:
    row = SimulationMeasurement
    measurements = select(row).where(row.simulation_id == run.id)
    return list(db.scalars(measurements.order_by(row.seed, row.policy, row.test_set, row.budget)))


@dataclass
class Cell:
    """One policy at one budget, over the seeds measured so far: best-of-N at the largest N."""

    values: list[float] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        return sum(self.values) / len(self.values) if self.values else None

    @property
    def passed(self) -> int:
        return sum(gate["verdict"] == PASSED for gate in self.gates)

    def gate_mean(self, name: str) -> float:
        return sum(float(gate[name]) for gate in self.gates) / len(self.gates)


Grid = list[tuple[str, list[Cell]]]
"""A row per policy, a cell per budget."""


def build_grid(run: Simulation, measurements: Sequence[SimulationMeasurement]) -> Grid:
    cells: dict[tuple[str, int], Cell] = defaultdict(Cell)
    for row in measurements:
        if row.test_set == "plain":
            cell = cells[row.policy, row.budget]
            cell.values.append(row.best_of[-1])
            cell.gates += [row.gate] if row.gate else []
    return [(policy, [cells[policy, budget] for budget in run.budgets]) for policy in in_order(run.policies)]


def round_query(policy_id: str) -> str | None:
    """The query of the round form that follows the policy. None if no round can follow it."""
    policy = find_policy(policy_id)
    if policy is None or policy.mixture is None:
        return None
    gate = {} if policy.gated else {"if_failed": "proceed", "if_inconclusive": "proceed"}
    return urlencode({**percentages(policy.mixture.shares), **gate})


def measurements_to_csv(measurements: Sequence[SimulationMeasurement]) -> str:
    """A line per N."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    for row in measurements:
        verdict = row.gate["verdict"] if row.gate else ""
        for n, value in zip(row.n, row.best_of, strict=True):
            fixed = (row.seed, row.policy, row.test_set, row.budget, row.labeled, row.negative)
            writer.writerow([*fixed, n, value, verdict])
    return out.getvalue()


def simulation_to_json(run: Simulation) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RUN_FIELDS}


def results_to_json(db: Session, run: Simulation) -> dict[str, Any]:
    """With the measurements so far, and the results once the run has succeeded."""
    rows = [{name: getattr(row, name) for name in (*FIELDS, "seconds")} for row in list_measurements(db, run)]
    return {**simulation_to_json(run), "measurements": rows, "results": run.results}
