"""Verdicts are correct or incorrect.

Revision ID: verdict_values
Revises: labels_of_a_run
"""

# ruff: noqa: S608  every value in these statements is a constant of this file

from __future__ import annotations

from alembic import op

revision = "verdict_values"
down_revision = "labels_of_a_run"
branch_labels = None
depends_on = None

CHECKED = ("solution", "verdict", "evaluation_item")
NEW = {"right": "correct", "wrong": "incorrect"}
OLD = {new: old for old, new in NEW.items()}


def upgrade() -> None:
    convert(NEW)


def downgrade() -> None:
    convert(OLD)


def convert(values: dict[str, str]) -> None:
    (first, first_new), (second, second_new) = values.items()
    for table in CHECKED:
        name = f"ck_{table}_verdict"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(
            f"UPDATE {table} SET verdict = CASE verdict WHEN '{first}' THEN '{first_new}' ELSE '{second_new}' END"
            f" WHERE verdict IN ('{first}', '{second}')"
        )
        op.create_check_constraint(
            op.f(name), table, f"verdict IN ('{first_new}', '{second_new}', 'unparseable')"
        )
    for old, new in values.items():
        op.execute(f"UPDATE score_histogram SET verdict = '{new}' WHERE verdict = '{old}'")
        op.execute(
            f"UPDATE evaluation_set SET counts = counts - '{old}' || jsonb_build_object('{new}', counts -> '{old}')"
            f" WHERE counts ? '{old}'"
        )
        op.execute(
            f"UPDATE sampling_run SET config = jsonb_set(config, '{{verdict}}', '\"{new}\"')"
            f" WHERE config ->> 'verdict' = '{old}'"
        )
        op.execute(
            "UPDATE search_run SET results = replace(results::text,"
            f""" '"verdict": "{old}"', '"verdict": "{new}"')::jsonb"""
            f""" WHERE results::text LIKE '%"verdict": "{old}"%'"""
        )
