"""a training freezes its labels itself, where it was not given a snapshot"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "labels_of_a_run"
down_revision = "second_look"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("training_run", sa.Column("data", postgresql.JSONB(), nullable=True))
    op.alter_column("training_run", "snapshot_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_training_run_labels"), "training_run", "snapshot_id IS NOT NULL OR data IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DELETE FROM training_run WHERE snapshot_id IS NULL")  # these have learned from nothing yet
    op.drop_constraint(op.f("ck_training_run_labels"), "training_run", type_="check")
    op.alter_column("training_run", "snapshot_id", nullable=False)
    op.drop_column("training_run", "data")
