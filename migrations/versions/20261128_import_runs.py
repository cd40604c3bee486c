"""imports in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "import_runs"
down_revision = "round_runs"
branch_labels = None
depends_on = None

IMPORT = Move(
    table="import",
    kind="import",
    columns=(
        "project_id", "state", "error", "created_by", "created_at", "finished_at", "cancel_requested_at",
    ),
    computed={
        "config": "t.options",
        "started_at": "CASE WHEN t.state <> 'queued' THEN t.created_at END",
        "heartbeat_at": "CASE WHEN t.state = 'running' THEN now() END",
    },
    jobs=("exchange.import",),
    indexes=("CREATE INDEX ix_import_project_id ON import (project_id)",),
)  # fmt: skip


def upgrade() -> None:
    move_to_run(op.get_bind(), IMPORT)
    op.execute("ALTER TABLE import DROP COLUMN options")


def downgrade() -> None:
    op.execute("ALTER TABLE import ADD COLUMN options jsonb NOT NULL DEFAULT '{}'")
    op.execute("UPDATE import t SET options = r.config FROM run r WHERE r.id = t.run_id")
    move_back(op.get_bind(), IMPORT)
    delete_runs(op.get_bind(), "import")
