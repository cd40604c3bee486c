"""kept histograms of scores, and an index of the words of a problem"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "explorer"
down_revision = "alternatives"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "score_histogram",
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("bins", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(bins) = 20", name=op.f("ck_score_histogram_bins")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model.id"], name=op.f("fk_score_histogram_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "split", "verdict", name=op.f("pk_score_histogram")),
    )
    op.create_index(
        "ix_problem_words",
        "problem",
        [sa.text("to_tsvector('simple'::regconfig, \"left\"(statement, 20000))")],
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_index("ix_problem_words", table_name="problem")
    op.drop_table("score_histogram")
