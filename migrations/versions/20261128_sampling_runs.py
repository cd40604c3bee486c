"""sampling runs in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "sampling_runs"
down_revision = "scoring_runs"
branch_labels = None
depends_on = None

SAMPLING = Move(
    table="sampling_run",
    kind="sampling",
    columns=(
        "project_id", "state", "attempt", "config", "progress", "error", "created_by", "created_at",
        "started_at", "heartbeat_at", "finished_at",
    ),
    updates=(
        "UPDATE round SET made = jsonb_set(made, '{sampling_run_id}', to_jsonb(n.id))"
        " FROM new_id n WHERE n.old_id = (made->>'sampling_run_id')::bigint",
        "UPDATE solution SET detail = jsonb_set(detail, '{sampling_run}', to_jsonb(n.id))"
        " FROM new_id n WHERE n.old_id = (detail->>'sampling_run')::bigint",
    ),
    jobs=("generators.sample",),
    indexes=(
        "CREATE INDEX ix_sampling_run_live ON sampling_run (heartbeat_at) WHERE state = 'running'",
        "CREATE INDEX ix_sampling_run_project_id ON sampling_run (project_id)",
    ),
)  # fmt: skip


def upgrade() -> None:
    op.drop_index("ix_sampling_run_live", "sampling_run")
    move_to_run(op.get_bind(), SAMPLING)


def downgrade() -> None:
    move_back(op.get_bind(), SAMPLING)
    delete_runs(op.get_bind(), "sampling")
