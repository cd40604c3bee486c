"""one table of runs, and the training runs in it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "training_runs"
down_revision = "external_labels"
branch_labels = None
depends_on = None

STATE = "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"
TRAINING = Move(
    table="training_run",
    kind="training",
    columns=(
        "project_id", "state", "attempt", "fence", "config", "progress", "error", "created_by", "created_at",
        "started_at", "heartbeat_at", "finished_at", "cancel_requested_at", "host", "pid",
    ),
    jobs=("training.run",),
    keep_ids=True,
    indexes=(
        "CREATE INDEX ix_training_run_live ON training_run (heartbeat_at) WHERE state = 'running'",
        "CREATE INDEX ix_training_run_project_id ON training_run (project_id)",
    ),
)  # fmt: skip
"""The folders of trainings are named by their ids, so these keep them."""


def time(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def key(table: str, column: str, to: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def upgrade() -> None:
    json = postgresql.JSONB()
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("config", json, server_default="{}", nullable=False),
        sa.Column("progress", json, server_default="{}", nullable=False),
        sa.Column("results", json, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        time("started_at"),
        time("heartbeat_at"),
        time("finished_at"),
        time("cancel_requested_at"),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.CheckConstraint(STATE, name=op.f("ck_run_state")),
        sa.CheckConstraint("results IS NULL OR state = 'succeeded'", name=op.f("ck_run_results")),
        key("run", "project_id", "project.id", "CASCADE"),
        key("run", "parent_id", "run.id", "SET NULL"),
        key("run", "created_by", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index("ix_run_parent_id", "run", ["parent_id"])
    op.create_index("ix_run_project_id", "run", ["project_id", "kind", sa.text("id DESC")])
    op.create_index(
        "ix_run_active", "run", ["state", "heartbeat_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_table(
        "run_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        key("run_event", "run_id", "run.id", "CASCADE"),
        key("run_event", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_event")),
    )
    op.create_index("ix_run_event_run_id", "run_event", ["run_id"])
    op.drop_index("ix_training_run_live", "training_run")
    move_to_run(op.get_bind(), TRAINING)


def downgrade() -> None:
    move_back(op.get_bind(), TRAINING)
    delete_runs(op.get_bind(), "training")
    op.drop_table("run_event")
    op.drop_table("run")
