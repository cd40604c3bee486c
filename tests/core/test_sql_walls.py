"""The SQL of a slice reads its own tables, those of slices below it, and views that their owner declares."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
import sqlglot
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token

import app
from app.core.sql_views import SqlView
from app.models import Base

ROOT = Path(__file__).parent.parent.parent
BEFORE_A_TABLE = {"FROM", "JOIN", "INTO", "UPDATE", "USING", "ONLY"}
OWNERS = {mapper.local_table.name: mapper.class_.__module__.split(".")[1] for mapper in Base.registry.mappers}
"""Table -> slice."""

UPWARD_KEYS = {
    ("audit_event", "project"),
    ("invitation", "project"),
    ("run", "project"),
    ("run", "user_account"),
    ("run_event", "user_account"),
}
"""Foreign keys to whom or what a row belongs to. Every other key points down."""


@cache
def ranks() -> dict[str, int]:
    """Slice -> its layer, the lowest first, from the contract of the import linter."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if len(contract.get("layers", ())) > 10)
    return {
        name.strip(" ()").removeprefix("app."): rank
        for rank, layer in enumerate(reversed(layers))
        for name in layer.replace(":", "|").split("|")
    }


def views() -> dict[str, tuple[str, SqlView]]:
    """Name -> owner and view."""
    modules = [import_module(f"app.{path.parent.name}.sql_views") for path in view_files()]
    return {view.name: (module.__name__.split(".")[1], view) for module in modules for view in module.VIEWS}


def view_files() -> list[Path]:
    return [path for path in sorted(ROOT.glob("app/*/sql_views.py")) if path.parent.name != "core"]


def may_read(reader: str, table: str) -> bool:
    if reader not in ranks():  # a pure library
        return table not in OWNERS and table not in views()
    if table in OWNERS:
        return OWNERS[table] == reader or ranks()[OWNERS[table]] < ranks()[reader]
    if table in views():
        owner, view = views()[table]
        return owner == reader or reader in view.readers or ranks()[owner] < ranks()[reader]
    return True  # a name of the statement itself, or of the catalog


def tables_of(sql: str) -> set[str]:
    """Tables that a statement names. A part of a statement is read by its tokens."""
    tokens = sqlglot.tokenize(sql, dialect="postgres")
    names = {after.text for before, after in pairwise(tokens) if comes_before(before)}
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect="postgres") if statement]
    except SqlglotError:
        return names
    parsed = {table.name for statement in statements for table in statement.find_all(exp.Table)}
    defined = {query.alias for statement in statements for query in statement.find_all(exp.CTE)}
    return (names | parsed) - defined


def comes_before(token: Token) -> bool:
    return token.text.upper() in BEFORE_A_TABLE


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string that reads like SQL, docstrings left out."""
    tree = ast.parse(source)
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else " part " for part in node.values]
            sql = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            sql = node.value
        else:
            continue
        if BEFORE_A_TABLE & set(sql.split()):
            yield node.lineno, sql


def refused(reader: str, source: str) -> list[str]:
    problems = []
    for line, sql in literals(source):
        try:
            tables = tables_of(sql)
        except SqlglotError:  # half a quotation: its other half is another literal
            tables = set(sql.replace('"', " ").split())
        problems += [f"{line}: {table}" for table in sorted(tables) if not may_read(reader, table)]
    return problems


def slice_of(path: Path) -> str:
    return path.relative_to(ROOT / "app").parts[0].removesuffix(".py")


def test_sql_in_the_source_keeps_to_the_layers() -> None:
    problems = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        problems += [f"{path.relative_to(ROOT)}:{hit}" for hit in refused(slice_of(path), path.read_text())]
    assert not problems, "Tables of a slice above or beside; declare a view there:\n" + "\n".join(problems)


def test_statements_and_models_keep_to_the_layers() -> None:
    """As they are after the import: parts put together, models under another module's name."""
    statements, problems = 0, []
    for info in pkgutil.walk_packages(app.__path__, "app."):
        if info.name.split(".")[1] not in ranks():
            continue
        module = import_module(info.name)
        reader = info.name.split(".")[1]
        for name, value in vars(module).items():
            if isinstance(value, TextClause):
                statements += 1
                tables = tables_of(value.text)
            elif inspect.isclass(value) and issubclass(value, Base) and "__tablename__" in vars(value):
                tables = {value.__tablename__}
            else:
                continue
            problems += [f"{info.name}.{name}: {table}" for table in tables if not may_read(reader, table)]
    assert statements > 100
    assert not problems, "\n".join(problems)


def test_foreign_keys_point_down() -> None:
    keys = [
        (table.name, key.column.table.name)
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
    ]
    assert len(keys) > 50
    assert {key for key in keys if not may_read(OWNERS[key[0]], key[1])} == UPWARD_KEYS


@pytest.mark.parametrize(
    "source",
    [
        'q = "SELECT 1 FROM score"',
        'q = "WITH s AS (SELECT 1) SELECT 1 FROM s, score"',
        'def part(c): return f"JOIN score ON {c}"',
        'q = "UPDATE score SET a = 1"',
        """q = "SELECT '" + name + "' FROM score" """,
    ],
)
def test_a_table_of_a_slice_above_is_refused(source: str) -> None:
    assert refused("labeling", source)
    assert not refused("explorer", source)


def test_a_view_is_read_by_the_slices_it_names_and_those_above() -> None:
    source = 'q = "SELECT 1 FROM step_score"'
    assert not refused("training", source)
    assert not refused("quality", source)
    assert refused("labeling", source)


def test_a_name_of_the_statement_itself_is_no_table() -> None:
    assert not refused("labeling", 'q = "WITH score AS (SELECT 1) SELECT * FROM score"')


def test_views_read_what_their_owner_may_read() -> None:
    for owner, view in views().values():
        assert tables_of(view.definition), view.name
        assert [table for table in tables_of(view.definition) if not may_read(owner, table)] == []


def test_the_views_in_the_database_are_those_that_the_slices_declare(db: Session) -> None:
    catalog = text("SELECT viewname, definition FROM pg_views WHERE schemaname = current_schema()")
    created = {row.viewname: row.definition for row in db.execute(catalog)}
    assert created.keys() == views().keys()
    for name, (_, view) in views().items():
        db.execute(text(f"CREATE TEMPORARY VIEW copy_of_{name} AS {view.definition}"))
        copy = db.scalar(text("SELECT pg_get_viewdef(CAST(:name AS regclass))"), {"name": f"copy_of_{name}"})
        assert copy == created[name], name


def test_the_architecture_lists_every_view_with_its_owner_and_readers() -> None:
    lines = (ROOT / "docs/architecture.md").read_text().splitlines()
    table = lines[lines.index("| view | owner | read below by |") + 2 :]
    listed = {}
    for line in takewhile(lambda line: line.startswith("|"), table):
        names, owner, readers = (re.findall("`([a-z_]+)`", cell) for cell in line.strip("|").split("|"))
        listed |= dict.fromkeys(names, (owner, readers))
    assert listed == {name: ([owner], list(view.readers)) for name, (owner, view) in views().items()}
