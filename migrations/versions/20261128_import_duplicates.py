"""Imports count duplicates, records that were imported before.

Revision ID: import_duplicates
Revises: selection_ids
"""

from __future__ import annotations

from alembic import op

revision = "import_duplicates"
down_revision = "selection_ids"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rename("already_there", "duplicates")


def downgrade() -> None:
    rename("duplicates", "already_there")


def rename(old: str, new: str) -> None:
    op.execute(
        f"""UPDATE "import" SET counts = counts - '{old}' || jsonb_build_object('{new}', counts -> '{old}')
            WHERE counts ? '{old}'"""  # noqa: S608  both names are constants of this file
    )
