"""A key of each solution's text: solutions that differ by spacing, punctuation or case have the same.

Revision ID: solution_text_key
Revises: evaluation_names
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "solution_text_key"
down_revision = "evaluation_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("solution", sa.Column("text_key", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_solution_problem_id_text_key", "solution", ["problem_id", sa.text("COALESCE(text_key, digest)")]
    )
    op.drop_index("ix_solution_problem_id_digest", table_name="solution")


def downgrade() -> None:
    op.create_index("ix_solution_problem_id_digest", "solution", ["problem_id", "digest"])
    op.drop_index("ix_solution_problem_id_text_key", table_name="solution")
    op.drop_column("solution", "text_key")
