"""Labelers' own keys by the names of ratings.

Revision ID: rating_keys
Revises: agreement_runs
"""

# ruff: noqa: S608  the names are constants of this file

from __future__ import annotations

from alembic import op

revision = "rating_keys"
down_revision = "agreement_runs"
branch_labels = None
depends_on = None

NAMES = {"bad": "negative", "okay": "neutral", "great": "positive"}


def upgrade() -> None:
    rename_keys(NAMES)


def downgrade() -> None:
    rename_keys({new: old for old, new in NAMES.items()})


def rename_keys(names: dict[str, str]) -> None:
    for old, new in names.items():
        op.execute(
            "UPDATE user_account SET preferences = jsonb_set(preferences, '{keys}',"
            f" (preferences -> 'keys') - '{old}' || jsonb_build_object('{new}', preferences -> 'keys' -> '{old}'))"
            f" WHERE preferences -> 'keys' ? '{old}'"
        )
