"""what models are judged on"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "evaluation"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "evaluation_set",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'ready') = (hash IS NOT NULL)", name=op.f("ck_evaluation_set_hash")),
        sa.CheckConstraint("state IN ('queued', 'ready', 'failed')", name=op.f("ck_evaluation_set_state")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_evaluation_set_created_by")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_evaluation_set_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_set")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_evaluation_set_project_id_name")),
    )
    op.create_index(
        "uq_evaluation_set_one_default",
        "evaluation_set",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "evaluation_item",
        sa.Column("evaluation_set_id", sa.BigInteger(), nullable=False),
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("answer", sa.SmallInteger(), nullable=False),
        sa.Column("first_error", sa.SmallInteger(), nullable=True),
        sa.Column("ratings", sa.ARRAY(sa.SmallInteger()), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('right', 'wrong', 'unparseable')", name=op.f("ck_evaluation_item_verdict")
        ),
        sa.CheckConstraint("first_error >= -1 AND answer >= -1", name=op.f("ck_evaluation_item_positions")),
        sa.ForeignKeyConstraint(
            ["evaluation_set_id"],
            ["evaluation_set.id"],
            name=op.f("fk_evaluation_item_evaluation_set_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"], ["problem.id"], name=op.f("fk_evaluation_item_problem_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["solution_id"], ["solution.id"], name=op.f("fk_evaluation_item_solution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("evaluation_set_id", "solution_id", name=op.f("pk_evaluation_item")),
    )
    op.create_index(op.f("ix_evaluation_item_problem_id"), "evaluation_item", ["problem_id"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_set_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("outside", sa.String(), nullable=True),
        sa.Column("folder", sa.String(), nullable=True),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("scoring_run_id", sa.BigInteger(), nullable=True),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'succeeded') = (results IS NOT NULL)", name=op.f("ck_evaluation_results")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_evaluation_state"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(outside, coalesce(model_id::text, folder)) = 1", name=op.f("ck_evaluation_of_one")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_evaluation_created_by")),
        sa.ForeignKeyConstraint(
            ["evaluation_set_id"],
            ["evaluation_set.id"],
            name=op.f("fk_evaluation_evaluation_set_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_evaluation_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_evaluation_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scoring_run_id"],
            ["scoring_run.id"],
            name=op.f("fk_evaluation_scoring_run_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
    )
    op.create_index(
        op.f("ix_evaluation_evaluation_set_id"), "evaluation", ["evaluation_set_id"], unique=False
    )
    op.create_index(op.f("ix_evaluation_model_id"), "evaluation", ["model_id"], unique=False)
    op.create_index(op.f("ix_evaluation_project_id"), "evaluation", ["project_id"], unique=False)
    op.create_table(
        "comparison",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'succeeded') = (results IS NOT NULL)", name=op.f("ck_comparison_results")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_comparison_state"),
        ),
        sa.CheckConstraint("first_id <> second_id", name=op.f("ck_comparison_two")),
        sa.ForeignKeyConstraint(
            ["first_id"], ["evaluation.id"], name=op.f("fk_comparison_first_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_comparison_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["evaluation.id"], name=op.f("fk_comparison_second_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_comparison_first_id_second_id")),
    )
    op.create_index(op.f("ix_comparison_project_id"), "comparison", ["project_id"], unique=False)
    op.create_index(op.f("ix_comparison_second_id"), "comparison", ["second_id"], unique=False)
    op.create_table(
        "evaluation_problem",
        sa.Column("evaluation_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=False),
        sa.Column("solutions", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("mean_score", sa.REAL(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
            name=op.f("fk_evaluation_problem_evaluation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"], ["problem.id"], name=op.f("fk_evaluation_problem_problem_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "problem_id", name=op.f("pk_evaluation_problem")),
    )


def downgrade() -> None:

    op.drop_table("evaluation_problem")
    op.drop_index(op.f("ix_comparison_second_id"), table_name="comparison")
    op.drop_index(op.f("ix_comparison_project_id"), table_name="comparison")
    op.drop_table("comparison")
    op.drop_index(op.f("ix_evaluation_project_id"), table_name="evaluation")
    op.drop_index(op.f("ix_evaluation_model_id"), table_name="evaluation")
    op.drop_index(op.f("ix_evaluation_evaluation_set_id"), table_name="evaluation")
    op.drop_table("evaluation")
    op.drop_index(op.f("ix_evaluation_item_problem_id"), table_name="evaluation_item")
    op.drop_table("evaluation_item")
    op.drop_index(
        "uq_evaluation_set_one_default", table_name="evaluation_set", postgresql_where=sa.text("is_default")
    )
    op.drop_table("evaluation_set")
