"""generators, sampling runs, rollouts, and soft labels in snapshots"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "generators"
down_revision = "agreement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generator",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=True),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'openai') = (base_url IS NOT NULL)", name=op.f("ck_generator_base_url")),
        sa.CheckConstraint("kind IN ('openai', 'transformers')", name=op.f("ck_generator_kind")),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_generator_created_by")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_generator_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generator")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_generator_project_id_name")),
    )
    op.create_table(
        "preparation",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("generator_id", sa.BigInteger(), nullable=False),
        sa.Column("candidates", sa.SmallInteger(), nullable=False),
        sa.Column("positions", sa.String(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("positions IN ('every', 'suspect')", name=op.f("ck_preparation_positions")),
        sa.CheckConstraint("candidates BETWEEN 1 AND 20", name=op.f("ck_preparation_candidates")),
        sa.ForeignKeyConstraint(
            ["generator_id"], ["generator.id"], name=op.f("fk_preparation_generator_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_preparation_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["set_by"], ["user_account.id"], name=op.f("fk_preparation_set_by")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_preparation")),
    )
    op.create_index(op.f("ix_preparation_generator_id"), "preparation", ["generator_id"], unique=False)
    op.create_table(
        "sampling_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("generator_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("counters", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('trial', 'solutions', 'rollouts', 'alternatives')",
            name=op.f("ck_sampling_run_purpose"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_sampling_run_state"),
        ),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_sampling_run_created_by")),
        sa.ForeignKeyConstraint(
            ["generator_id"], ["generator.id"], name=op.f("fk_sampling_run_generator_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_sampling_run_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sampling_run")),
    )
    op.create_index(op.f("ix_sampling_run_generator_id"), "sampling_run", ["generator_id"], unique=False)
    op.create_index(
        "ix_sampling_run_live",
        "sampling_run",
        ["heartbeat_at"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(op.f("ix_sampling_run_project_id"), "sampling_run", ["project_id"], unique=False)
    op.create_table(
        "rollout",
        sa.Column("generator_id", sa.BigInteger(), nullable=False),
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("rollouts", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("unparseable", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_rollout_position")),
        sa.CheckConstraint(
            "rollouts > 0 AND reached >= 0 AND reached + unparseable <= rollouts",
            name=op.f("ck_rollout_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["generator_id"], ["generator.id"], name=op.f("fk_rollout_generator_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["solution_id"], ["solution.id"], name=op.f("fk_rollout_solution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("generator_id", "solution_id", "position", name=op.f("pk_rollout")),
    )
    op.create_index("ix_rollout_solution_id", "rollout", ["solution_id"], unique=False)
    op.create_table(
        "sampling_error",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sampling_run_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["sampling_run_id"],
            ["sampling_run.id"],
            name=op.f("fk_sampling_error_sampling_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sampling_error")),
    )
    op.create_index(
        op.f("ix_sampling_error_sampling_run_id"), "sampling_error", ["sampling_run_id"], unique=False
    )
    op.create_table(
        "sampling_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sampling_run_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=False),
        sa.Column("solution_id", sa.BigInteger(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("errors", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name=op.f("ck_sampling_item_state")),
        sa.ForeignKeyConstraint(
            ["problem_id"], ["problem.id"], name=op.f("fk_sampling_item_problem_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sampling_run_id"],
            ["sampling_run.id"],
            name=op.f("fk_sampling_item_sampling_run_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["solution_id"], ["solution.id"], name=op.f("fk_sampling_item_solution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sampling_item")),
    )
    op.create_index(op.f("ix_sampling_item_problem_id"), "sampling_item", ["problem_id"], unique=False)
    op.create_index(
        "ix_sampling_item_sampling_run_id_state_id",
        "sampling_item",
        ["sampling_run_id", "state", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_sampling_item_solution_id"), "sampling_item", ["solution_id"], unique=False)
    op.add_column("snapshot_item", sa.Column("values", sa.ARRAY(sa.REAL()), nullable=True))
    op.create_check_constraint(
        op.f("ck_snapshot_item_values"), "snapshot_item", 'cardinality("values") = cardinality(steps)'
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_snapshot_item_values"), "snapshot_item")
    op.drop_column("snapshot_item", "values")
    op.drop_index(op.f("ix_sampling_item_solution_id"), table_name="sampling_item")
    op.drop_index("ix_sampling_item_sampling_run_id_state_id", table_name="sampling_item")
    op.drop_index(op.f("ix_sampling_item_problem_id"), table_name="sampling_item")
    op.drop_table("sampling_item")
    op.drop_index(op.f("ix_sampling_error_sampling_run_id"), table_name="sampling_error")
    op.drop_table("sampling_error")
    op.drop_index("ix_rollout_solution_id", table_name="rollout")
    op.drop_table("rollout")
    op.drop_index(op.f("ix_sampling_run_project_id"), table_name="sampling_run")
    op.drop_index(
        "ix_sampling_run_live", table_name="sampling_run", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index(op.f("ix_sampling_run_generator_id"), table_name="sampling_run")
    op.drop_table("sampling_run")
    op.drop_index(op.f("ix_preparation_generator_id"), table_name="preparation")
    op.drop_table("preparation")
    op.drop_table("generator")
