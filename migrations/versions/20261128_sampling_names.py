"""Sampling runs, rollouts and alternatives by the terms of the glossary.

Revision ID: sampling_names
Revises: simulation_names
"""

# ruff: noqa: S608  the names are constants of this file

from __future__ import annotations

from alembic import op

from app.core import rename_migration as rename

revision = "sampling_names"
down_revision = "simulation_names"
branch_labels = None
depends_on = None

COLUMNS = {
    "sampling_item": {"wanted": "target_count", "tries": "sample_count"},
    "sampling_error": {"at": "created_at"},
    "rollout": {"rollouts": "rollout_count", "reached": "correct_count"},
    "generator": {"key_name": "api_key_env"},
    "alternative_settings": {"candidates": "alternative_count", "set_by": "updated_by", "at": "updated_at"},
}
VALUES = {  # by table and column: the changed values, and the others
    ("sampling_item", "state"): ({"waiting": "queued", "done": "succeeded"}, ("failed",)),
    ("sampling_run", "purpose"): ({"solutions": "pool"}, ("trial", "rollouts", "alternatives")),
}
DEFAULTS = {("sampling_item", "state"): ("waiting", "queued")}
JSON_KEYS = {
    ("generator", "config", "true"): {
        "at_once": "concurrency",
        "per_request": "samples_per_request",
        "step_end": "step_delimiter",
    },
    ("sampling_run", "counters", "true"): {
        "made": "stored",
        "useless": "unusable",
        "noted": "listed_errors",
        "reached": "correct",
    },
    ("run", "config", "kind = 'sampling'"): {
        "counting": "count_from",
        "how": "strategy",
        "most": "max_solutions",
        "candidates": "alternative_count",
        "behind": "to_end",
    },
}
STRATEGIES = {"every": "all", "search": "binary_search"}
VIEW_COLUMNS = {"rollouts": "rollout_count", "reached": "correct_count"}
VIEW = """
CREATE OR REPLACE VIEW solution_awaiting_alternatives AS
SELECT r.project_id, i.solution_id, i.state
FROM sampling_item i
JOIN sampling_run s ON s.run_id = i.sampling_run_id
JOIN run r ON r.id = s.run_id
WHERE s.purpose = 'alternatives' AND i.state <> '{state}' AND r.state IN ('queued', 'running')
"""


def upgrade() -> None:
    rename.rename_table("preparation", "alternative_settings")
    for table, columns in COLUMNS.items():
        rename.rename_columns(table, columns)
    for (table, column), (values, others) in VALUES.items():
        rename.change_values(table, column, values, (*values.values(), *others))
    for (table, column), (_, new) in DEFAULTS.items():
        op.alter_column(table, column, server_default=new)
    for (table, column, where), keys in JSON_KEYS.items():
        for old, new in keys.items():
            rename.rename_json_key(table, column, old, new, where=where)
    change_strategies(STRATEGIES)
    for old, new in VIEW_COLUMNS.items():
        op.execute(f"ALTER VIEW rollout_rate RENAME COLUMN {old} TO {new}")
    op.execute(VIEW.format(state="succeeded"))


def downgrade() -> None:
    op.execute(VIEW.format(state="done"))
    for old, new in VIEW_COLUMNS.items():
        op.execute(f"ALTER VIEW rollout_rate RENAME COLUMN {new} TO {old}")
    change_strategies(rename.reverse(STRATEGIES))
    for (table, column, where), keys in JSON_KEYS.items():
        for old, new in keys.items():
            rename.rename_json_key(table, column, new, old, where=where)
    for (table, column), (old, _) in DEFAULTS.items():
        op.alter_column(table, column, server_default=old)
    for (table, column), (values, others) in VALUES.items():
        rename.change_values(table, column, rename.reverse(values), (*values, *others))
    for table, columns in COLUMNS.items():
        rename.rename_columns(table, rename.reverse(columns))
    rename.rename_table("alternative_settings", "preparation")


def change_strategies(values: dict[str, str]) -> None:
    for old, new in values.items():
        op.execute(
            f"""UPDATE run SET config = jsonb_set(config, '{{strategy}}', '"{new}"')"""
            f" WHERE kind = 'sampling' AND config ->> 'strategy' = '{old}'"
        )
