"""who saw the labels of a solution before deciding it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "seen"
down_revision = "gate"
branch_labels = None
depends_on = None

KNEW = "knew IN ('nothing', 'own', 'opened', 'shown', 'unknown')"


def upgrade() -> None:
    op.create_table(
        "labels_seen",
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("before", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("how IN ('opened', 'shown')", name=op.f("ck_labels_seen_how")),
        sa.ForeignKeyConstraint(
            ["solution_id"], ["solution.id"], name=op.f("fk_labels_seen_solution_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_labels_seen_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("solution_id", "user_id", name=op.f("pk_labels_seen")),
    )
    op.create_index(op.f("ix_labels_seen_user_id"), "labels_seen", ["user_id"])
    # "blind" was written down for every decision, whatever the adjudicator had seen: that is not known
    op.add_column("adjudication", sa.Column("knew", sa.String(), server_default="unknown", nullable=False))
    op.alter_column("adjudication", "knew", server_default=None)
    op.create_check_constraint(op.f("ck_adjudication_knew"), "adjudication", KNEW)
    op.drop_column("adjudication", "blind")


def downgrade() -> None:
    op.add_column("adjudication", sa.Column("blind", sa.Boolean(), server_default="true", nullable=False))
    op.drop_constraint(op.f("ck_adjudication_knew"), "adjudication", type_="check")
    op.drop_column("adjudication", "knew")
    op.drop_table("labels_seen")
