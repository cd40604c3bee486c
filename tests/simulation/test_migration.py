"""The migration of names: stored simulations keep their data, both ways."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from tests.factories import base as factories
from tests.factories import simulation

ROWS = (
    "SELECT config, results FROM run ORDER BY id",
    "SELECT * FROM simulation ORDER BY run_id",
    "SELECT * FROM simulation_measurement ORDER BY 1, 2, 3, 4, 5",
)


def rows(statement: str) -> list[Any]:
    with core_db.engine().begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_simulations_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        simulation.simulation(db, project)
        simulation.simulation(db, project, "running", runner="end_to_end")
    current = [rows(statement) for statement in ROWS]

    downgrade_schema(core_db.engine(), "field_mapping")

    assert rows("SELECT form FROM simulation ORDER BY run_id") == [("fast",), ("full",)]
    config, results = rows("SELECT config, results FROM run ORDER BY id")[0]
    assert (config["noise"], config["first"], config["passes"], config["further"]) == (0.0, 60, 8.0, [])
    assert {"worth", "references"} <= results["plain"].keys()
    assert len(rows("SELECT * FROM simulation_point")) == len(current[2])
    with core_db.engine().begin() as connection:
        connection.execute(text("UPDATE run SET config = config || '{\"teacher_solutions\": 0}'"))

    upgrade_schema(core_db.engine())

    assert [rows(statement) for statement in ROWS] == current
    states = rows("SELECT state, error FROM run ORDER BY id")
    assert states[0] == ("succeeded", None)
    assert states[1] == ("failed", "End-to-end simulations of earlier versions cannot be resumed.")
