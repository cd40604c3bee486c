"""searches of the lab, and what they made of each problem"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "lab"
down_revision = "generators"
branch_labels = None
depends_on = None
JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "search_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("generator_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=True),
        sa.Column("config", JSON, server_default="{}", nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("progress", JSON, server_default="{}", nullable=False),
        sa.Column("tree", JSON, nullable=True),
        sa.Column("results", JSON, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_search_run_state"),
        ),
        sa.CheckConstraint(
            "(state = 'succeeded') = (results IS NOT NULL)", name=op.f("ck_search_run_results")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_search_run_created_by")),
        *(
            sa.ForeignKeyConstraint(
                [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_search_run_{other}_id"), ondelete="CASCADE"
            )
            for other in ("project", "model", "generator", "problem")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_run")),
    )
    for other in ("project", "model", "generator", "problem"):
        op.create_index(op.f(f"ix_search_run_{other}_id"), "search_run", [f"{other}_id"], unique=False)
    op.create_table(
        "search_outcome",
        sa.Column("search_run_id", sa.BigInteger(), nullable=False),
        sa.Column("problem_id", sa.BigInteger(), nullable=False),
        sa.Column("values", JSON, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["search_run_id"],
            ["search_run.id"],
            name=op.f("fk_search_outcome_search_run_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"], ["problem.id"], name=op.f("fk_search_outcome_problem_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_run_id", "problem_id", name=op.f("pk_search_outcome")),
    )


def downgrade() -> None:
    op.drop_table("search_outcome")
    for other in ("problem", "generator", "model", "project"):
        op.drop_index(op.f(f"ix_search_run_{other}_id"), table_name="search_run")
    op.drop_table("search_run")
