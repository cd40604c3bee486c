"""Tests can fail, and stand on their own: what several of them use lives in a module of helpers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
Check = Callable[[ast.AST], Iterator[tuple[int, str]]]
ANY_ERROR = {"Exception", "BaseException"}


def weak_assertions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and (reason := cannot_fail(node.test)):
            yield node.lineno, reason
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.raises":
            errors = {name.id for name in ast.walk(node.args[0]) if isinstance(name, ast.Name)}
            if errors & ANY_ERROR:
                yield node.lineno, "accepts any error"
        elif isinstance(node, ast.ExceptHandler) and ignores_an_assertion(node):
            yield node.lineno, "ignores a failed assertion"


def cannot_fail(test: ast.expr) -> str:
    match test:
        case ast.Constant(value=value) if value:
            return "a constant"
        case ast.Tuple(elts=[_, *_]):
            return "a tuple, which is always true"
        case ast.BoolOp(op=ast.Or(), values=values):
            if any(isinstance(value, ast.Constant) and value.value for value in values):
                return "or a constant"
            if is_implied(values):
                return "an alternative makes the rest pointless"
        case ast.Compare(left=left, ops=[ast.GtE()], comparators=[ast.Constant(value=0)]) if is_a_count(left):
            return "a count is never negative"
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            if isinstance(left, ast.Name | ast.Attribute | ast.Constant) and same(left, right):
                return "compared with itself"
    return ""


def is_implied(values: list[ast.expr]) -> bool:
    """x < y or x: a part of one alternative is another alternative."""
    return any(
        same(value, part)
        for value in values
        for other in values
        if isinstance(other, ast.Compare) and other is not value
        for part in (other.left, *other.comparators)
    )


def is_a_count(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in (
        "len",
        "count",
        "sum",
    )


def same(left: ast.expr, right: ast.expr) -> bool:
    return ast.dump(left) == ast.dump(right)


def ignores_an_assertion(handler: ast.ExceptHandler) -> bool:
    names = {
        name.id for name in ast.walk(handler.type or ast.Name("BaseException")) if isinstance(name, ast.Name)
    }
    silent = all(isinstance(step, ast.Pass | ast.Continue) for step in handler.body)
    return silent and bool(names & {*ANY_ERROR, "AssertionError"})


def imports_of_tests(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_"):
                yield node.lineno, name


def test_every_assertion_can_fail() -> None:
    assert problems_of(weak_assertions) == []


def test_no_test_imports_a_test() -> None:
    assert problems_of(imports_of_tests) == []


def problems_of(check: Check) -> list[str]:
    return [
        f"{path.relative_to(TESTS)}:{line}: {problem}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, problem in check(ast.parse(path.read_text()))
    ]


@pytest.mark.parametrize(
    "source",
    [
        "assert True",
        "assert (left, right)",
        "assert rows == [] or True",
        "assert a < b or a",
        "assert len(rows) >= 0",
        "assert run.state == run.state",
        "with pytest.raises(Exception): act()",
        "with pytest.raises((ValueError, Exception)): act()",
        "try:\n    assert x\nexcept AssertionError:\n    pass",
    ],
)
def test_an_assertion_that_cannot_fail_is_refused(source: str) -> None:
    assert list(weak_assertions(ast.parse(source)))


@pytest.mark.parametrize("source", ["assert len(rows) >= 1", "assert a or b", "assert f(1) == f(1)"])
def test_an_assertion_that_can_fail_is_accepted(source: str) -> None:
    assert list(weak_assertions(ast.parse(source))) == []


@pytest.mark.parametrize(
    "source",
    [
        "from tests.runs.test_runs import start",
        "import tests.runs.test_runs",
        "from tests.runs import test_runs",
    ],
)
def test_an_import_of_a_test_is_refused(source: str) -> None:
    assert list(imports_of_tests(ast.parse(source)))
