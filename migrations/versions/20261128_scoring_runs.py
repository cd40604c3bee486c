"""scoring runs in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "scoring_runs"
down_revision = "training_metrics"
branch_labels = None
depends_on = None

SCORING = Move(
    table="scoring_run",
    kind="scoring",
    columns=(
        "project_id", "state", "config", "progress", "error", "created_at", "finished_at",
        "cancel_requested_at",
    ),
    computed={
        "attempt": "coalesce((t.progress->>'attempt')::integer, 0)",
        "started_at": "CASE WHEN t.state <> 'queued' THEN t.created_at END",
        "heartbeat_at": "CASE WHEN t.state = 'running' THEN now() END",
    },
    references=(("looked_over", "scoring_run_id"),),
    updates=(
        "UPDATE round SET made = jsonb_set(made, '{scoring_run_id}', to_jsonb(n.id))"
        " FROM new_id n WHERE n.old_id = (made->>'scoring_run_id')::bigint",
    ),
    jobs=("scoring.run", "scoring.join"),
    indexes=("CREATE INDEX ix_scoring_run_project_id ON scoring_run (project_id)",),
)  # fmt: skip


def upgrade() -> None:
    move_to_run(op.get_bind(), SCORING)


def downgrade() -> None:
    move_back(op.get_bind(), SCORING)
    delete_runs(op.get_bind(), "scoring")
