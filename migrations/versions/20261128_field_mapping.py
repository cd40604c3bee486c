"""Mappings of fields, kept by name in a project.

Revision ID: field_mapping
Revises: quality_names
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "field_mapping"
down_revision = "quality_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "field_mapping",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_field_mapping"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], ondelete="CASCADE", name="fk_field_mapping_project_id_project"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["user_account.id"],
            ondelete="SET NULL",
            name="fk_field_mapping_created_by_user_account",
        ),
    )


def downgrade() -> None:
    op.drop_table("field_mapping")
