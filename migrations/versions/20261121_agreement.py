"""figures of agreement, counted by the worker and kept"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "agreement"
down_revision = "own_steps"
branch_labels = None
depends_on = None


def key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("whole", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submissions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'reading', 'resampling', 'done', 'failed')", name=op.f("ck_agreement_state")
        ),
        key("agreement", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "agreement_figure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("solutions", sa.Integer(), nullable=False),
        sa.Column("newest", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint(
            "about IN ('project', 'generation', 'labeler', 'pair')", name=op.f("ck_agreement_figure_about")
        ),
        sa.CheckConstraint(
            "measure IN ('alpha', 'first_error', 'kappa')", name=op.f("ck_agreement_figure_measure")
        ),
        key("agreement_figure", "project_id", "project.id"),
        key("agreement_figure", "user_id", "user_account.id"),
        key("agreement_figure", "other_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_figure")),
    )
    op.create_index(
        "uq_agreement_figure_about",
        "agreement_figure",
        ["project_id", "about", "generation", "user_id", "other_id", "measure"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_table("agreement_figure")
    op.drop_table("agreement")
