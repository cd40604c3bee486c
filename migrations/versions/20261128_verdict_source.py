"""Projects choose whose verdict counts; regrading is a run.

Revision ID: verdict_source
Revises: solution_text_key
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "verdict_source"
down_revision = "solution_text_key"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project", sa.Column("verdict_source", sa.String(), server_default="grader", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_project_verdict_source"), "project", "verdict_source IN ('grader', 'file')"
    )
    op.create_table(
        "grading_run",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict_source", sa.String(), nullable=False),
        sa.Column("grader_version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_grading_run"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE", name="fk_grading_run_run_id_run"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM run WHERE kind = 'grading'")
    op.drop_table("grading_run")
    op.drop_constraint(op.f("ck_project_verdict_source"), "project", type_="check")
    op.drop_column("project", "verdict_source")
