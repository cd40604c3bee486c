"""evaluations and comparisons in the table of runs"""

from alembic import op

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "evaluation_runs"
down_revision = "simulation_runs"
branch_labels = None
depends_on = None

STARTED = "CASE WHEN t.state <> 'queued' THEN t.created_at END"
EVALUATION = Move(
    table="evaluation",
    kind="evaluation",
    columns=(
        "project_id", "state", "config", "progress", "results", "error", "created_by", "created_at",
        "started_at", "finished_at",
    ),
    computed={"heartbeat_at": "CASE WHEN t.state = 'running' THEN now() END"},
    jobs=("evaluation.advance",),
    indexes=("CREATE INDEX ix_evaluation_project_id ON evaluation (project_id)",),
)  # fmt: skip
COMPARISON = Move(
    table="comparison",
    kind="comparison",
    columns=("project_id", "state", "results", "error", "created_at"),
    computed={
        "started_at": STARTED,
        "heartbeat_at": "CASE WHEN t.state = 'running' THEN now() END",
        "finished_at": "CASE WHEN t.state NOT IN ('queued', 'running') THEN t.created_at END",
    },
    jobs=("evaluation.compare",),
    indexes=("CREATE INDEX ix_comparison_project_id ON comparison (project_id)",),
)


def upgrade() -> None:
    move_to_run(op.get_bind(), EVALUATION)
    move_to_run(op.get_bind(), COMPARISON)


def downgrade() -> None:
    move_back(op.get_bind(), COMPARISON)
    move_back(op.get_bind(), EVALUATION)
    delete_runs(op.get_bind(), "comparison")
    delete_runs(op.get_bind(), "evaluation")
