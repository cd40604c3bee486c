"""Steps have a kind: step, thought, action or observation.

Revision ID: step_kinds
Revises: verdict_source
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "step_kinds"
down_revision = "verdict_source"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("solution", sa.Column("step_kinds", postgresql.ARRAY(sa.SmallInteger()), nullable=True))
    op.create_check_constraint(
        op.f("ck_solution_step_kinds"), "solution", "cardinality(step_kinds) = cardinality(steps)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_solution_step_kinds"), "solution", type_="check")
    op.drop_column("solution", "step_kinds")
