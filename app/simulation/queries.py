"""What pages and files show of simulations. Reads only."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.projects.models import Project
from app.selection.forms import percentages
from app.selection.gate import PASSED
from app.simulation import runs
from app.simulation.models import Simulation, SimulationPoint
from app.simulation.policies import find_policy, in_order

COLUMNS = ("seed", "policy", "test_set", "budget", "labeled", "negative", "n", "best_of", "gate")


def listed(db: Session, project_id: int, limit: int = 50) -> list[Simulation]:
    """Newest first."""
    mine = select(Simulation).where(Simulation.project_id == project_id)
    return list(db.scalars(mine.order_by(Simulation.id.desc()).limit(limit)))


def points(db: Session, run: Simulation) -> list[SimulationPoint]:
    mine = select(SimulationPoint).where(SimulationPoint.simulation_id == run.id)
    key = (
        SimulationPoint.seed, SimulationPoint.policy, SimulationPoint.test_set, SimulationPoint.budget
    )  # fmt: skip
    return list(db.scalars(mine.order_by(*key)))


@dataclass
class Cell:
    """One policy at one budget, over the seeds that are there."""

    values: list[float] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        return sum(self.values) / len(self.values) if self.values else None

    @property
    def passed(self) -> int:
        return sum(gate["verdict"] == PASSED for gate in self.gates)

    def of_gates(self, name: str) -> float:
        return sum(float(gate[name]) for gate in self.gates) / len(self.gates)


def grid(run: Simulation, found: Sequence[SimulationPoint]) -> list[tuple[str, list[Cell]]]:
    """A row a policy, a cell a budget: best-of-N at the largest N on plain problems."""
    cells: dict[tuple[str, int], Cell] = defaultdict(Cell)
    for point in found:
        if point.test_set == "plain":
            cell = cells[point.policy, point.budget]
            cell.values.append(point.best_of[-1])
            cell.gates += [point.gate] if point.gate else []
    return [(policy, [cells[policy, budget] for budget in budgets(run)]) for policy in in_order(run.policies)]


def budgets(run: Simulation) -> list[int]:
    return [int(each) for each in run.setting["budgets"]]


def judged(rows: Sequence[tuple[str, list[Cell]]]) -> list[tuple[str, list[Cell]]]:
    """Policies whose selector the gate was asked about."""
    return [(policy, cells) for policy, cells in rows if any(cell.gates for cell in cells)]


def silent(run: Simulation, now: dt.datetime | None = None) -> bool:
    """A full simulation whose command is gone: nobody but a person can start it again."""
    if run.form != "full" or run.state != "running" or run.heartbeat_at is None:
        return False
    age = (now or dt.datetime.now(dt.UTC)) - run.heartbeat_at
    return age.total_seconds() > runs.KIND.silence_s


def projects(db: Session, run: Simulation, user: User) -> list[Project]:
    """Those a full simulation was played in, for whoever may open them all."""
    if run.form != "full" or not user.is_admin:
        return []
    names = [project_name(run.id, policy, seed) for seed in run.seeds for policy in run.policies]
    return list(db.scalars(select(Project).where(Project.name.in_(names)).order_by(Project.id)))


def project_name(run_id: int, policy: str, seed: int) -> str:
    return f"Simulation {run_id}: {policy}, seed {seed}"


def round_of(policy: str) -> str | None:
    """The query of the round's form that follows the policy; None where no round can."""
    rules = find_policy(policy)
    if rules is None or rules.mixture is None:
        return None
    gate = {} if rules.gated else {"if_failed": "proceed", "if_inconclusive": "proceed"}
    return urlencode({**percentages(rules.mixture.shares), **gate})


def as_csv(found: Sequence[SimulationPoint]) -> str:
    """A line for every N."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(COLUMNS)
    for point in found:
        told = (point.seed, point.policy, point.test_set, point.budget, point.labeled, point.negative)
        verdict = point.gate["verdict"] if point.gate else ""
        for n, value in zip(point.n, point.best_of, strict=True):
            write.writerow([*told, n, value, verdict])
    return out.getvalue()


def as_json(run: Simulation) -> dict[str, Any]:
    names = ("id", "form", "setting", "policies", "seeds", "state", "progress", "error")
    times = ("created_at", "started_at", "finished_at")
    return {name: getattr(run, name) for name in (*names, *times)}


def whole(db: Session, run: Simulation) -> dict[str, Any]:
    """With its points so far, and the results once there are some."""
    names = ("seed", "policy", "test_set", "budget", "labeled", "negative", "n", "best_of", "gate", "seconds")
    rows = [{name: getattr(point, name) for name in names} for point in points(db, run)]
    return {**as_json(run), "points": rows, "results": run.results}
