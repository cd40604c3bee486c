"""simulations in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "simulation_runs"
down_revision = "search_runs"
branch_labels = None
depends_on = None

SIMULATION = Move(
    table="simulation",
    kind="simulation",
    columns=(
        "project_id", "state", "attempt", "progress", "results", "error", "created_by", "created_at",
        "started_at", "heartbeat_at", "finished_at",
    ),
    computed={"config": "t.setting"},
    updates=(
        "UPDATE project SET name = replace(name, 'Simulation ' || n.old_id || ':', 'Simulation ' || n.id || ':')"
        " FROM new_id n WHERE name LIKE 'Simulation ' || n.old_id || ': %, seed %'",
    ),
    jobs=("simulation.play",),
    indexes=("CREATE INDEX ix_simulation_project_id ON simulation (project_id)",),
)  # fmt: skip
"""The projects of a simulation of the full form are named by its id."""


def upgrade() -> None:
    move_to_run(op.get_bind(), SIMULATION)
    op.execute("ALTER TABLE simulation DROP COLUMN setting")


def downgrade() -> None:
    op.execute("ALTER TABLE simulation ADD COLUMN setting jsonb NOT NULL DEFAULT '{}'")
    op.execute("UPDATE simulation t SET setting = r.config FROM run r WHERE r.id = t.run_id")
    move_back(op.get_bind(), SIMULATION)
    op.execute("ALTER TABLE simulation ALTER attempt TYPE smallint")
    delete_runs(op.get_bind(), "simulation")
