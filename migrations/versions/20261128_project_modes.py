"""The registry of labeling modes checks a project's mode; the database checks its form.

Revision ID: project_modes
Revises: labeling_names
"""

from __future__ import annotations

from alembic import op

revision = "project_modes"
down_revision = "labeling_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_project_mode"), "project", type_="check")
    op.create_check_constraint(op.f("ck_project_mode"), "project", "mode ~ '^[a-z][a-z_]{0,39}$'")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_project_mode"), "project", type_="check")
    op.create_check_constraint(
        op.f("ck_project_mode"), "project", "mode IN ('first_error', 'alternatives', 'every_step')"
    )
