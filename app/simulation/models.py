"""A simulation as rows: what was asked, how far it is, and every point of its curves. (What is trained
in a simulation is in models.py.)"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Double, ForeignKey, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, synonym

from app.core.column_types import Created, Json
from app.core.db import Base
from app.core.run_models import Run
from app.projects import models as projects  # noqa: F401 - its rows point there, whoever else is loaded


class Simulation(Run):
    """Fast: played by functions in one process of a worker. Full: through desk, rounds and worker, by
    the command line, which does the work itself. `config`: simulation/config.py, without the seed.
    `progress`: {"phase", "seed", "done", "total"}, done and total in points. `results`: by test set, what
    simulation/summary.py makes of the folders."""

    __tablename__ = "simulation"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    form: Mapped[str] = mapped_column(server_default="fast", default="fast")
    policies: Mapped[list[str]] = mapped_column(ARRAY(String))
    seeds: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    setting: Mapped[dict[str, Any]] = synonym("config")

    __mapper_args__ = {"polymorphic_identity": "simulation", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (CheckConstraint("form IN ('fast', 'full')", name="form"),)


class SimulationPoint(Base):
    """A PRM taught by so many labels that one policy chose, judged on one test set. Written once."""

    __tablename__ = "simulation_point"

    simulation_id: Mapped[int] = mapped_column(
        ForeignKey("simulation.run_id", ondelete="CASCADE"), primary_key=True
    )
    seed: Mapped[int] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    test_set: Mapped[str] = mapped_column(primary_key=True)
    budget: Mapped[int] = mapped_column(primary_key=True)
    labeled: Mapped[int]
    """Solutions; fewer than the budget where the pool gave no more."""
    negative: Mapped[int]
    """Of them, those with a negative step."""
    n: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    best_of: Mapped[list[float]] = mapped_column(ARRAY(Double()))
    """Share of the test set's problems solved by best-of-N, by `n`."""
    gate: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the gate said of the selector that chose the newest of these labels (selection/gate.py)."""
    seconds: Mapped[Json]
    created_at: Mapped[Created]
