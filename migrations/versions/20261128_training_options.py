"""Training options have the names of the field.

Revision ID: training_options
Revises: project_modes
"""

# ruff: noqa: S608  every value in these statements is a constant of this file

from __future__ import annotations

from alembic import op

revision = "training_options"
down_revision = "project_modes"
branch_labels = None
depends_on = None

NEW = {
    "warmup": "warmup_ratio",
    "clip": "max_grad_norm",
    "together": "group_by",
    "solutions_per_step": "batch_size",
    "processes": "num_processes",
}
CONFIGS = {"run": "config", "model": "config", "round": "config -> 'train'"}


def upgrade() -> None:
    for old, new in NEW.items():
        rename(old, new)
    replace_value("group_by", "walk", "path")


def downgrade() -> None:
    replace_value("group_by", "path", "walk")
    for old, new in NEW.items():
        rename(new, old)


def rename(old: str, new: str) -> None:
    for table, config in CONFIGS.items():
        renamed = f"({config}) - '{old}' || jsonb_build_object('{new}', ({config}) -> '{old}')"
        update(table, renamed, f"({config}) ? '{old}'")


def replace_value(option: str, old: str, new: str) -> None:
    for table, config in CONFIGS.items():
        changed = f"({config}) || jsonb_build_object('{option}', '{new}')"
        update(table, changed, f"({config}) ->> '{option}' = '{old}'")


def update(table: str, config: str, condition: str) -> None:
    value = f"jsonb_set(config, '{{train}}', {config})" if table == "round" else config
    kind = " AND kind = 'training'" if table == "run" else ""
    op.execute(f"UPDATE {table} SET config = {value} WHERE {condition}{kind}")
