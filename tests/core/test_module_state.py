"""Functions change no state of their module, except to register something. Other state belongs to an object
that is passed on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent.parent / "app"
CHANGES = {"add", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
REGISTRARS = ("register", "unregister")
"""Functions that add to a registry start so."""
SHARED = {
    "core/db.py": {"_gates"},  # one semaphore for each event loop, as long as the loop lives
    "accounts/access.py": {"RULES"},  # a registry: the decorator of access rules adds to it
    "core/parameters.py": {"OWN_QUERY"},  # likewise: pages that check their query themselves
}


def state_changes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name wherever a function changes what its module holds."""
    names = {
        target.id
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if getattr(node, "name", "").startswith(REGISTRARS):
                continue
            local = local_names(node)
            yield from ((line, name) for line, name in changes_in(node) if name in names - local)


def local_names(function: ast.AST) -> set[str]:
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    assigned = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return assigned - declared | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}


def changes_in(function: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        match node:
            case ast.Global(names=names):
                yield from ((node.lineno, name) for name in names)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                attribute in CHANGES
            ):
                yield node.lineno, name
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield node.lineno, name


def test_functions_change_no_state_of_their_module() -> None:
    problems = []
    for path in sorted(APP.rglob("*.py")):
        name = str(path.relative_to(APP))
        for line, variable in state_changes(ast.parse(path.read_text())):
            if variable not in SHARED.get(name, ()):
                problems.append(f"app/{name}:{line}: {variable}")
    assert not problems, "Pass an object on, or name the function register_...:\n" + "\n".join(problems)


@pytest.mark.parametrize(
    "source",
    [
        "count = 0\ndef f():\n    global count\n    count += 1",
        "seen = [0]\ndef f():\n    seen[0] = 1",
        "CACHE: dict = {}\ndef f():\n    CACHE.update(a=1)",
        "CACHE = {}\nf = lambda: CACHE.pop(1)",
    ],
)
def test_a_change_of_module_state_is_refused(source: str) -> None:
    assert list(state_changes(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "KINDS = {}\ndef register(kind):\n    KINDS[kind.id] = kind",
        "rows = []\ndef f(rows):\n    rows.append(1)",
        "rows = []\ndef f():\n    rows = []\n    rows.append(1)",
    ],
)
def test_registries_and_local_names_are_accepted(source: str) -> None:
    assert not list(state_changes(ast.parse(source)))
