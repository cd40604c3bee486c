"""The table of labels that came with a file is named external_label.

Revision ID: external_labels
Revises: verdict_values
"""

from __future__ import annotations

from alembic import op

revision = "external_labels"
down_revision = "verdict_values"
branch_labels = None
depends_on = None

CONSTRAINTS = ("pk_{}", "fk_{}_solution_id")


def upgrade() -> None:
    rename("outside_label", "external_label")


def downgrade() -> None:
    rename("external_label", "outside_label")


def rename(old: str, new: str) -> None:
    op.rename_table(old, new)
    for name in CONSTRAINTS:
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT {name.format(old)} TO {name.format(new)}")
