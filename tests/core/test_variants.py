"""A variant (mode, objective, strategy, format, generator kind, purpose, label source ...) is one object in a
registry. Code asks the object; it never compares with the ID of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
REGISTRIES = {
    "mode": ("app.modes", "MODES"),
    "objective": ("app.prm.objectives", "OBJECTIVES"),
    "strategy": ("app.selection.strategies", "STRATEGIES"),
    "mixture": ("app.selection.mixtures", "MIXTURES"),
    "import format": ("app.exchange.formats", "IMPORT_FORMATS"),
    "export format": ("app.exchange.exports", "EXPORT_FORMATS"),
    "generator kind": ("app.generators.kinds", "KINDS"),
    "purpose": ("app.generators.purposes", "PURPOSES"),
    "label source": ("app.training.label_sources", "SOURCES"),
    "aggregation": ("app.training.aggregation", "AGGREGATIONS"),
    "kind of run": ("app.core.run_kinds", "KINDS"),
}
MORE_THAN_AN_ID = {"steps", "pool", "model", "orm", "people", "first_error", "majority", "evaluation"}
"""Also the name of a field, an output kind of models, or a choice of another registry: compared freely, but
not with an expression that names a variant (NAMES)."""
NAMES = re.compile(r"\b(mode|objective|strategy|mixture|format|purpose|source|aggregation)\b(?!\.kind)")
OWN = {
    "app/training/snapshot_definition.py",  # declares the sources and which options belong to which
    "app/lab/budget_sweep.py",  # `strategy` is a way to vote here, of app/search
}
TEMPLATE_TEST = re.compile(
    r"""([\w.]+)\s*(?:==|!=)\s*["']([\w-]+)["']|["']([\w-]+)["']\s*(?:==|!=)\s*([\w.]+)"""
)


@cache
def identifiers() -> frozenset[str]:
    import_module("app.run_registry")
    return frozenset(
        identifier
        for module, name in REGISTRIES.values()
        for identifier in getattr(import_module(module), name)
    )


def is_variant_test(subject: str, identifier: object) -> bool:
    if identifier not in identifiers():
        return False
    return identifier not in MORE_THAN_AN_ID or bool(NAMES.search(subject))


def comparisons(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            subject = " ".join(ast.unparse(side) for side in sides if not is_literal(side))
            if any(is_variant_test(subject, value) for side in sides for value in literal_values(side)):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Match):
            subject = ast.unparse(node.subject)
            values = [
                value
                for case in node.cases
                for part in ast.walk(case.pattern)
                for value in literal_values(part)
            ]
            if any(is_variant_test(subject, value) for value in values):
                yield node.lineno, f"match {subject}"


def is_literal(side: ast.expr) -> bool:
    return isinstance(side, ast.Constant | ast.Tuple | ast.List | ast.Set)


def literal_values(side: ast.AST) -> list[object]:
    match side:
        case ast.Constant(value=value):
            return [value]
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return [item.value for item in items if isinstance(item, ast.Constant)]
        case ast.MatchValue(value=ast.Constant(value=value)):
            return [value]
    return []


def template_comparisons(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        for match in TEMPLATE_TEST.finditer(line):
            subject, identifier = match[1] or match[4], match[2] or match[3]
            if is_variant_test(subject, identifier):
                yield number, match[0]


def test_no_code_compares_with_the_id_of_a_variant() -> None:
    problems = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name not in OWN:
            problems += [f"{name}:{line}: {text}" for line, text in comparisons(ast.parse(path.read_text()))]
    assert not problems, "Give the variant an attribute and ask it:\n" + "\n".join(problems)


def test_no_template_compares_with_the_id_of_a_variant() -> None:
    problems = []
    for path in sorted((ROOT / "templates").rglob("*.html")):
        hits = template_comparisons(path.read_text())
        problems += [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in hits]
    assert not problems, "Give the variant an attribute and ask it:\n" + "\n".join(problems)


def test_every_registry_has_variants() -> None:
    import_module("app.run_registry")
    for module, name in REGISTRIES.values():
        assert len(getattr(import_module(module), name)) > 1, (module, name)


@pytest.mark.parametrize(
    "source",
    [
        'if project.mode == "alternatives": pass',
        'if project.mode in ("every_step", other): pass',
        'if objective == "orm": pass',
        'x = "prm800k" != format',
        'match purpose:\n    case "trial": pass',
    ],
)
def test_a_comparison_with_an_id_is_refused(source: str) -> None:
    assert list(comparisons(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ['"steps" in row', "project.mode == other.mode", 'objective.kind == "orm"', 'state == "queued"']
)
def test_other_comparisons_are_accepted(source: str) -> None:
    assert not list(comparisons(ast.parse(source)))


def test_a_comparison_in_a_template_is_refused() -> None:
    assert list(template_comparisons("{% if project.mode == 'alternatives' %}"))
    assert not list(template_comparisons("{% if run.state == 'running' %}"))
