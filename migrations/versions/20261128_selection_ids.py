"""Strategies, policies and gate results have one id each, in rounds and in simulations.

Revision ID: selection_ids
Revises: training_runs
"""

# ruff: noqa: S608  every name in these statements is a constant of this file

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "selection_ids"
down_revision = "training_runs"
branch_labels = None
depends_on = None

STRATEGIES = {"uniform": "random", "doubted_right": "doubted_correct_by_step"}
POLICIES = {
    "uniform": "random",
    "paper": "lightman_80_20_fixed",
    "iterated": "lightman_80_20",
    "gated": "lightman_80_20_gated",
    "uncertainty": "uncertain_solution",
    "entropy": "first_error_entropy",
    "hardest": "hard_problems",
    "spread": "wrong_by_step",
    "unsure": "uncertain_steps",
    "contradicted": "contradictions",
}
VERDICTS = {"competent": "passed", "not competent": "failed", "unchecked": "inconclusive"}
ACTIONS = {"uniform": "random", "mixture": "half_random", "none": "proceed"}
OPTIONS = {"fallback": "if_failed", "unchecked": "if_inconclusive"}
GATE = {
    "why": "reason",
    "blind": "pass_at_1",
    "over_blind": "over_pass_at_1",
    "instead": "action",
}
HEADLINES = {
    "the selector is not competent": "Gate failed.",
    "the selector could not be checked": "Gate inconclusive.",
}
CONSEQUENCES = {
    "the queue is drawn at random instead": "The queue is a random sample instead.",
    "half of the queue is drawn at random": "Half of the queue is a random sample.",
    "the policy is followed all the same": "The requested mixture is used anyway.",
}
SENTENCES = {
    f"{about}: {what}": f"{headline} {consequence}"
    for about, headline in HEADLINES.items()
    for what, consequence in CONSEQUENCES.items()
}
"""The reason that a task stores of the gate."""
Names = dict[str, str]
Json = dict[str, Any]


def upgrade() -> None:
    convert(lambda names: names)


def downgrade() -> None:
    convert(lambda names: {new: old for old, new in names.items()})


def convert(direction: Callable[[Names], Names]) -> None:
    """`direction` gives each map of old to new names, or its inverse."""
    strategies, sentences = direction(STRATEGIES), direction(SENTENCES)
    for table, column, path in (
        ("task", "reason", ()),
        ("sampling_item", "detail", ("task", "reason")),
    ):
        replace_value(table, column, (*path, "strategy"), strategies)
        replace_value(table, column, (*path, "gate"), sentences)
    convert_rows("round", "config", lambda config: round_config(config, direction))
    convert_rows("round", "made", lambda outputs: round_outputs(outputs, direction))
    convert_rows("generation", "policy", lambda policy: generation_policy(policy, direction))
    convert_rows("generation", "funnel", lambda funnel: renamed_in(funnel, "by_strategy", strategies))
    convert_simulations(direction)


def replace_value(table: str, column: str, path: tuple[str, ...], names: Names) -> None:
    place = "{" + ",".join(path) + "}"
    statement = sa.text(
        f"UPDATE {table} SET {column} = jsonb_set({column}, CAST(:path AS text[]), to_jsonb(CAST(:new AS text)))"
        f" WHERE {column} #>> CAST(:path AS text[]) = :old"
    )
    for old, new in names.items():
        op.get_bind().execute(statement, {"path": place, "old": old, "new": new})


def convert_rows(table: str, column: str, transform: Callable[[Json], Json]) -> None:
    bind = op.get_bind()
    rows = bind.execute(
        sa.text(f'SELECT ctid::text, {column} FROM "{table}" WHERE {column} IS NOT NULL')
    ).all()
    update = sa.text(
        f'UPDATE "{table}" SET {column} = CAST(:value AS jsonb) WHERE ctid = CAST(:place AS tid)'
    )
    for place, value in rows:
        if (changed := transform(value)) != value:
            bind.execute(update, {"place": place, "value": json.dumps(changed)})


def renamed(values: Json, names: Names) -> Json:
    return {names.get(key, key): value for key, value in values.items()}


def renamed_in(values: Json, key: str, names: Names) -> Json:
    """With the keys of the object under `key` renamed."""
    if not isinstance(values.get(key), dict):
        return values
    return {**values, key: renamed(values[key], names)}


def gate_result(gate: Json, direction: Callable[[Names], Names]) -> Json:
    """Renames keys and values, and leaves out what the other version does not have."""
    verdicts, actions, keys = direction(VERDICTS), direction(ACTIONS), direction(GATE)
    changed = renamed(gate, keys)
    changed["verdict"] = verdicts.get(gate["verdict"], gate["verdict"])
    for key in ("action", "instead"):
        if key in changed:
            changed[key] = actions.get(changed[key], changed[key])
    return changed


def round_config(config: Json, direction: Callable[[Names], Names]) -> Json:
    actions, options = direction(ACTIONS), direction(OPTIONS)
    changed = dict(config)
    if isinstance(config.get("policy"), dict):
        changed["policy"] = renamed_in(config["policy"], "shares", direction(STRATEGIES))
    if isinstance(config.get("gate"), dict):
        changed["gate"] = {
            options.get(key, key): actions.get(value, value) if isinstance(value, str) else value
            for key, value in config["gate"].items()
        }
    return changed


def round_outputs(outputs: Json, direction: Callable[[Names], Names]) -> Json:
    strategies, sentences = direction(STRATEGIES), direction(SENTENCES)
    changed = dict(outputs)
    if isinstance(outputs.get("gate"), dict):
        changed["gate"] = gate_result(outputs["gate"], direction)
    if isinstance(outputs.get("picks"), list):
        changed["picks"] = [
            [solution, reason_of(reason, strategies, sentences)] for solution, reason in outputs["picks"]
        ]
    return changed


def reason_of(reason: Json, strategies: Names, sentences: Names) -> Json:
    changed = {**reason, "strategy": strategies.get(reason["strategy"], reason["strategy"])}
    if "gate" in reason:
        changed["gate"] = sentences.get(reason["gate"], reason["gate"])
    return changed


def generation_policy(policy: Json, direction: Callable[[Names], Names]) -> Json:
    strategies = direction(STRATEGIES)
    changed = renamed(policy, direction({"asked": "requested_shares"}))
    for key in ("shares", "asked", "requested_shares"):
        changed = renamed_in(changed, key, strategies)
    if isinstance(changed.get("gate"), dict):
        changed["gate"] = gate_result(changed["gate"], direction)
    return changed


def convert_simulations(direction: Callable[[Names], Names]) -> None:
    bind, policies = op.get_bind(), direction(POLICIES)
    rename_projects(policies)
    names = sa.bindparam("names", type_=sa.JSON)
    for statement in (
        "UPDATE simulation SET policies = ARRAY("
        " SELECT coalesce(CAST(:names AS jsonb) ->> policy, policy)"
        " FROM unnest(policies) WITH ORDINALITY AS listed(policy, place) ORDER BY place)",
        "UPDATE simulation_point SET policy = coalesce(CAST(:names AS jsonb) ->> policy, policy)",
    ):
        bind.execute(sa.text(statement).bindparams(names), {"names": policies})
    convert_rows("simulation_point", "gate", lambda gate: gate_result(gate, direction))
    convert_rows("simulation", "results", lambda results: simulation_results(results, policies))


def rename_projects(policies: Names) -> None:
    """An end-to-end simulation works in projects that are named for its policies."""
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT id, policies, seeds FROM simulation WHERE form = 'full'")).all()
    update = sa.text("UPDATE project SET name = :new WHERE name = :old")
    for run_id, listed, seeds in rows:
        for policy in listed:
            for seed in seeds:
                old = f"Simulation {run_id}: {policy}, seed {seed}"
                new = f"Simulation {run_id}: {policies.get(policy, policy)}, seed {seed}"
                bind.execute(update, {"old": old, "new": new})


def simulation_results(results: Json, policies: Names) -> Json:
    changed = {}
    for test_set, values in results.items():
        for key in ("policies", "worth", "steps_told"):
            values = renamed_in(values, key, policies)
        changed[test_set] = values
    return changed
