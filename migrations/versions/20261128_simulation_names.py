"""simulation: runner and measurements; options and results by their present names

End-to-end simulations that were not over cannot continue: no command runs them any more.

Revision ID: simulation_names
Revises: field_mapping
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "simulation_names"
down_revision = "field_mapping"
branch_labels = None
depends_on = None

RUNNERS = {"fast": "in_process", "full": "end_to_end"}
OPTIONS = {
    "reading_steps": "writer_train_steps",
    "pool_reading_steps": "pool_writer_train_steps",
    "checked": "marked_error_share",
    "first": "initial_labels",
    "further": "random_extra_budgets",
    "passes": "epochs",
    "rate": "learning_rate",
    "noise": "label_noise",
}
SUMMARY = {
    "worth": "label_efficiency",
    "references": "baselines",
    "further": "random_extra",
    "steps_told": "step_accuracy",
}
TEACHER = "teacher_solutions"
"""An option that simulations do not have any more. It is dropped where it was off."""
STOPPED = "End-to-end simulations of earlier versions cannot be resumed."
TABLES = ("simulation_point", "simulation_measurement")


def upgrade() -> None:
    op.get_bind().execute(
        sa.text(
            "UPDATE run SET state = 'failed', error = :reason, finished_at = now() FROM simulation s"
            " WHERE s.run_id = run.id AND s.form = 'full' AND run.state IN ('queued', 'running')"
        ),
        {"reason": STOPPED},
    )
    op.execute("ALTER TABLE simulation DROP CONSTRAINT ck_simulation_form")
    op.execute("ALTER TABLE simulation RENAME COLUMN form TO runner")
    convert_runners(RUNNERS, "runner")
    op.execute(
        "ALTER TABLE simulation ALTER runner SET DEFAULT 'in_process', ADD CONSTRAINT ck_simulation_runner"
        " CHECK (runner IN ('in_process', 'end_to_end'))"
    )
    rename_measurements(*TABLES)
    convert_runs(OPTIONS, SUMMARY)


def downgrade() -> None:
    convert_runs(*({new: old for old, new in names.items()} for names in (OPTIONS, SUMMARY)))
    rename_measurements(*reversed(TABLES))
    op.execute("ALTER TABLE simulation DROP CONSTRAINT ck_simulation_runner")
    op.execute("ALTER TABLE simulation RENAME COLUMN runner TO form")
    convert_runners({new: old for old, new in RUNNERS.items()}, "form")
    op.execute(
        "ALTER TABLE simulation ALTER form SET DEFAULT 'fast', ADD CONSTRAINT ck_simulation_form"
        " CHECK (form IN ('fast', 'full'))"
    )


def convert_runners(names: dict[str, str], column: str) -> None:
    simulation = sa.table("simulation", sa.column(column))
    for old, new in names.items():
        op.execute(simulation.update().where(simulation.c[column] == old).values({column: new}))


def rename_measurements(old: str, new: str) -> None:
    op.rename_table(old, new)
    op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT pk_{old} TO pk_{new}")
    op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT fk_{old}_simulation_id TO fk_{new}_simulation_id")


def convert_runs(options: dict[str, str], summary: dict[str, str]) -> None:
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT id, config, results FROM run WHERE kind = 'simulation'")).all()
    update = sa.text(
        "UPDATE run SET config = CAST(:config AS jsonb), results = CAST(:results AS jsonb) WHERE id = :id"
    )
    for run_id, config, results in rows:
        config = {name: value for name, value in config.items() if name != TEACHER or value}
        if results is not None:
            results = {test: renamed(values, summary) for test, values in results.items()}
        values = {"id": run_id, "config": json.dumps(renamed(config, options))}
        bind.execute(update, {**values, "results": None if results is None else json.dumps(results)})


def renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}
