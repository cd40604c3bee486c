"""other candidates for a position, under the prefix they were made after; what was chosen and written"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "alternatives"
down_revision = "quality"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alternative",
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("candidate", sa.SmallInteger(), nullable=False),
        sa.Column("prefix", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("source", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("position >= 0 AND candidate > 0", name=op.f("ck_alternative_place")),
        sa.CheckConstraint("cardinality(prefix) = position", name=op.f("ck_alternative_prefix")),
        sa.ForeignKeyConstraint(
            ["solution_id"], ["solution.id"], name=op.f("fk_alternative_solution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("solution_id", "position", "candidate", name=op.f("pk_alternative")),
    )
    op.add_column("rating_event", sa.Column("chosen", sa.Boolean(), nullable=True))
    op.add_column("rating_event", sa.Column("written", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("rating_event", "written")
    op.drop_column("rating_event", "chosen")
    op.drop_table("alternative")
