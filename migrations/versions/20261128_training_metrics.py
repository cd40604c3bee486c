"""A point of a loss curve has metrics.

Revision ID: training_metrics
Revises: training_options
"""

from __future__ import annotations

from alembic import op

revision = "training_metrics"
down_revision = "training_options"
branch_labels = None
depends_on = None

COLUMNS = {"values": "metrics", "at": "created_at"}


def upgrade() -> None:
    for old, new in COLUMNS.items():
        op.alter_column("training_point", old, new_column_name=new)


def downgrade() -> None:
    for old, new in COLUMNS.items():
        op.alter_column("training_point", new, new_column_name=old)
