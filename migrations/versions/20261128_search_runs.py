"""searches in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "search_runs"
down_revision = "sampling_runs"
branch_labels = None
depends_on = None

SEARCH = Move(
    table="search_run",
    kind="search",
    columns=(
        "project_id", "state", "attempt", "config", "progress", "results", "error", "created_by",
        "created_at", "started_at", "heartbeat_at", "finished_at",
    ),
    jobs=("lab.search",),
    indexes=("CREATE INDEX ix_search_run_project_id ON search_run (project_id)",),
)  # fmt: skip


def upgrade() -> None:
    move_to_run(op.get_bind(), SEARCH)


def downgrade() -> None:
    move_back(op.get_bind(), SEARCH)
    op.execute("ALTER TABLE search_run ALTER attempt TYPE smallint")
    delete_runs(op.get_bind(), "search")
