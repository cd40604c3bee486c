"""evaluation and search: columns, options and results by their present names

Revision ID: evaluation_names
Revises: sampling_names
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "evaluation_names"
down_revision = "sampling_names"
branch_labels = None
depends_on = None

COLUMNS = (
    ("evaluation", "outside", "external_score_name"),
    ("evaluation", "folder", "external_folder"),
    ("evaluation_problem", "right", "correct"),
    ("evaluation_problem", "values", "metrics"),
    ("search_outcome", "values", "metrics"),
)
CONSTRAINTS = (
    ("evaluation", "ck_evaluation_of_one", "ck_evaluation_subject"),
    ("search_outcome", "pk_search_outcome", "pk_search_result"),
    ("search_outcome", "fk_search_outcome_search_run_id", "fk_search_result_search_run_id"),
    ("search_outcome", "fk_search_outcome_problem_id", "fk_search_result_problem_id"),
)
TABLES = ("search_outcome", "search_result")
STATES = ("ready", "succeeded")
OPTIONS = {"width": "beam_width", "pick": "answer_selection", "voices": "vote_by", "stages": "two_stage"}
VOTE_BY = ("draws", "samples")
EXCLUDED = ("left_out", "excluded")
COUNTS = {"learned_from": "trained_on", "picked_by": "selected_on"}
CURVE = ("oracle", "pass_at_n")
Json = dict[str, Any]


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.execute(f'ALTER TABLE {table} RENAME COLUMN "{old}" TO "{new}"')
    for table, old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    op.rename_table(*TABLES)
    rename_state(*STATES)
    convert(forward=True)


def downgrade() -> None:
    convert(forward=False)
    rename_state(*reversed(STATES))
    op.rename_table(*reversed(TABLES))
    for table, old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}")
    for table, old, new in COLUMNS:
        op.execute(f'ALTER TABLE {table} RENAME COLUMN "{new}" TO "{old}"')


def rename_state(old: str, new: str) -> None:
    op.execute("ALTER TABLE evaluation_set DROP CONSTRAINT ck_evaluation_set_state")
    op.execute("ALTER TABLE evaluation_set DROP CONSTRAINT ck_evaluation_set_hash")
    sets = sa.table("evaluation_set", sa.column("state"))
    op.execute(sets.update().where(sets.c.state == old).values(state=new))
    op.execute(
        "ALTER TABLE evaluation_set"
        f" ADD CONSTRAINT ck_evaluation_set_state CHECK (state IN ('queued', '{new}', 'failed')),"
        f" ADD CONSTRAINT ck_evaluation_set_hash CHECK ((state = '{new}') = (hash IS NOT NULL))"
    )


def convert(*, forward: bool) -> None:
    old, new = CURVE if forward else CURVE[::-1]
    op.get_bind().execute(
        sa.text(
            "UPDATE evaluation_problem SET metrics = (metrics - CAST(:old AS text))"
            " || jsonb_build_object(CAST(:new AS text), metrics -> CAST(:old AS text))"
            " WHERE jsonb_exists(metrics, CAST(:old AS text))"
        ),
        {"old": old, "new": new},
    )
    update = sa.text(
        "UPDATE run SET config = CAST(:config AS jsonb), results = CAST(:results AS jsonb) WHERE id = :id"
    )
    for run_id, config, results in runs():
        values = {"config": convert_config(config, forward), "results": convert_results(results, forward)}
        texts = {name: None if value is None else json.dumps(value) for name, value in values.items()}
        op.get_bind().execute(update, {"id": run_id, **texts})


def runs() -> Iterator[tuple[int, Json, Json | None]]:
    statement = "SELECT id, config, results FROM run WHERE kind IN ('evaluation', 'comparison', 'search')"
    yield from op.get_bind().execute(sa.text(statement)).all()


def convert_config(config: Json, forward: bool) -> Json:
    renamed = rename(config, OPTIONS if forward else inverse(OPTIONS))
    option, (old, new) = ("vote_by", VOTE_BY) if forward else ("voices", VOTE_BY[::-1])
    return {name: new if name == option and value == old else value for name, value in renamed.items()}


def convert_results(results: Json | None, forward: bool) -> Json | None:
    if results is None:
        return None
    counts = COUNTS if forward else inverse(COUNTS)
    (old, new), curve = (EXCLUDED, dict([CURVE])) if forward else (EXCLUDED[::-1], dict([CURVE[::-1]]))
    results = rename(results, {old: new})
    if isinstance(results.get(new), dict):
        results[new] = rename(results[new], counts)
    if isinstance(best := results.get("best_of_n"), dict):
        groups = [rename(group, curve) for group in best.get("groups", [])]
        results["best_of_n"] = {**best, "curves": rename(best.get("curves", {}), curve), "groups": groups}
    return results


def rename(values: Json, names: dict[str, str]) -> Json:
    return {names.get(name, name): value for name, value in values.items()}


def inverse(names: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}
