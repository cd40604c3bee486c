"""A simulation, and the measurements that its curves consist of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Double, ForeignKey, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json
from app.core.db import Base
from app.core.run_models import Run
from app.projects import models as projects  # noqa: F401 - the project of a run, whoever loads this


class Simulation(Run):
    """`config`: simulation/config.py without the seed. `progress`: phase, seed, and `done` of `total`
    measurements. `results`: by test set, the summary of simulation/summary.py."""

    __tablename__ = "simulation"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    runner: Mapped[str] = mapped_column(server_default="in_process", default="in_process")
    """`end_to_end`: an earlier version ran it through the desk, rounds and worker, by a command."""
    policies: Mapped[list[str]] = mapped_column(ARRAY(String))
    seeds: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __mapper_args__ = {"polymorphic_identity": "simulation", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (CheckConstraint("runner IN ('in_process', 'end_to_end')", name="runner"),)

    @property
    def budgets(self) -> list[int]:
        return [int(budget) for budget in self.config["budgets"]]


class SimulationMeasurement(Base):
    """A PRM trained on so many labels that one policy selected, measured on one test set. Written once."""

    __tablename__ = "simulation_measurement"

    simulation_id: Mapped[int] = mapped_column(
        ForeignKey("simulation.run_id", ondelete="CASCADE"), primary_key=True
    )
    seed: Mapped[int] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    test_set: Mapped[str] = mapped_column(primary_key=True)
    budget: Mapped[int] = mapped_column(primary_key=True)
    labeled: Mapped[int]
    """Labeled solutions; fewer than the budget if the pool had no more."""
    negative: Mapped[int]
    """Labeled solutions with a negative step."""
    n: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    best_of: Mapped[list[float]] = mapped_column(ARRAY(Double()))
    """Share of the test problems that best-of-N solves, by `n`."""
    gate: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The gate result of the selector that chose the newest of these labels (selection/gate.py)."""
    seconds: Mapped[Json]
    created_at: Mapped[Created]
