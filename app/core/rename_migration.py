"""For migrations only: renames tables, columns and stored values, with the constraints and indexes named
after them."""

# ruff: noqa: S608  every name in these statements is written in a migration or comes from the catalog

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from alembic import op

NAME_QUERIES = {
    "constraint": "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass)",
    "index": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :table",
}


def rename_table(old: str, new: str) -> None:
    """Rename a table with its constraints, indexes and sequence."""
    op.execute(f"ALTER TABLE {old} RENAME TO {new}")
    for name in names_of(new, "constraint"):
        rename_constraint(new, name, name.replace(old, new, 1))
    for name in names_of(new, "index"):
        if old in name:
            op.execute(f'ALTER INDEX "{name}" RENAME TO "{name.replace(old, new, 1)}"')
    op.execute(f"ALTER SEQUENCE IF EXISTS {old}_id_seq RENAME TO {new}_id_seq")


def rename_column(table: str, old: str, new: str) -> None:
    """Rename a column with the constraints that are named after it."""
    op.execute(f'ALTER TABLE {table} RENAME COLUMN "{old}" TO "{new}"')
    for name in names_of(table, "constraint"):
        for end in ("", "_not_null"):
            if name in (f"ck_{table}_{old}{end}", f"fk_{table}_{old}{end}", f"{table}_{old}{end}"):
                rename_constraint(table, name, name.removesuffix(old + end) + new + end)


def rename_columns(table: str, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        rename_column(table, old, new)


def rename_constraint(table: str, old: str, new: str) -> None:
    if new != old:
        op.execute(f'ALTER TABLE {table} RENAME CONSTRAINT "{old}" TO "{new}"')


def rename_index(old: str, new: str) -> None:
    op.execute(f'ALTER INDEX "{old}" RENAME TO "{new}"')


def names_of(table: str, kind: str) -> list[str]:
    """Names of the constraints or indexes of a table."""
    return list(op.get_bind().scalars(sa.text(NAME_QUERIES[kind]), {"table": table}))


def change_values(table: str, column: str, values: Mapping[str, str], allowed: Iterable[str]) -> None:
    """Replace values of a column whose check constraint lists the allowed values."""
    name = f"ck_{table}_{column}"
    op.drop_constraint(op.f(name), table, type_="check")
    for old, new in values.items():
        op.execute(f"UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'")
    listed = ", ".join(f"'{value}'" for value in allowed)
    op.create_check_constraint(op.f(name), table, f"{column} IN ({listed})")


def rename_json_key(table: str, column: str, old: str, new: str, path: str = "", where: str = "true") -> None:
    """Rename a key of the JSON object in a column, or of the object at `path` ("a,b") within."""
    inner = f"{column} #> '{{{path}}}'" if path else column
    renamed = f"({inner}) - '{old}' || jsonb_build_object('{new}', {inner} -> '{old}')"
    value = f"jsonb_set({column}, '{{{path}}}', {renamed})" if path else renamed
    op.execute(f"UPDATE {table} SET {column} = {value} WHERE {where} AND ({inner}) ? '{old}'")


def rename_jobs(names: Mapping[str, str]) -> None:
    """Rename the tasks of waiting jobs, so that a worker of the new version finds them."""
    for old, new in names.items():
        op.execute(f"UPDATE procrastinate_jobs SET task_name = '{new}' WHERE task_name = '{old}'")


def reverse(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}
