"""A name is the noun of a thing or the verb of an act, never a pronoun or a bare participle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VARIABLES = frozenset(
    (
        "found",
        "made",
        "said",
        "told",
        "asked",
        "given",
        "wanted",
        "kept",
        "here",
        "there",
        "mine",
        "each",
        "one",
        "words",
        "whole",
        "known",
        "some",
        "it",
    )
)
FUNCTIONS = frozenset(
    (
        "of",
        "one",
        "said",
        "told",
        "keep",
        "look",
        "judge",
        "tell",
        "kick",
        "begin",
        "carry",
        "who",
        "why",
        "put",
        "there",
    )
)
FILES = (
    VARIABLES
    | FUNCTIONS
    | {
        "nothing",
        "beside",
        "elsewhere",
        "standing",
        "keeping",
        "reading",
        "shown",
        "asking",
        "material",
    }
)
LEGITIMATE = {"words"}
"""A variable of this name says too little, but a file or function may be about answers in words."""
UNCLEAN = ("tests/generators",)
"""Folders that still await their renaming."""
FOLDERS = ("app", "tests", "bench", "migrations")


def refused(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_refused_function(node.name):
            yield node.lineno, f"def {node.name}"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VARIABLES:
            yield node.lineno, node.id
        elif isinstance(node, ast.arg) and node.arg in VARIABLES:
            yield node.lineno, f"argument {node.arg}"


def is_refused_function(name: str) -> bool:
    return name.strip("_") in (VARIABLES | FUNCTIONS) - LEGITIMATE


def is_refused_file(path: Path) -> bool:
    """Templates and scripts included; _part.html is a part, test_part.py a test of a part."""
    return path.stem.strip("_").removeprefix("test_").replace("-", "_") in FILES - LEGITIMATE


def python_files() -> list[Path]:
    files = sorted(path for top in FOLDERS for path in (ROOT / top).rglob("*.py"))
    return [path for path in files if not path.relative_to(ROOT).as_posix().startswith(UNCLEAN)]


def other_files() -> list[Path]:
    scripts = [path for path in (ROOT / "static").rglob("*.*") if "vendor" not in path.parts]
    return sorted([*scripts, *(ROOT / "templates").rglob("*.html")])


def test_names_are_nouns_or_verbs() -> None:
    problems = []
    for path in python_files():
        tree = ast.parse(path.read_text())
        problems += [f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in refused(tree)]
    assert not problems, "Name the thing or the act:\n" + "\n".join(problems)


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "for each in (): pass",
        "def of(): pass",
        "f = lambda one: one",
        "def load(*, told=1): pass",
    ],
)
def test_a_pronoun_or_participle_is_refused(source: str) -> None:
    assert list(refused(ast.parse(source)))


@pytest.mark.parametrize("source", ["evaluation = 1", "def load_notes(ratings): pass", "run.found()"])
def test_a_noun_or_a_verb_is_accepted(source: str) -> None:
    assert not list(refused(ast.parse(source)))


LITERALS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"""
    r"""|(?<=[(,=:\s])/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/""",
    re.DOTALL,
)
"""Comments, strings, templates and regular expressions."""
IDENTIFIER = re.compile(r"(?<![\w.$\\-])[A-Za-z_$][\w$]*(?!\s*:)")
IMPORT = re.compile(r'^(?:import|export) .*?from "(\.[^"]+)"', re.DOTALL | re.MULTILINE)


def refused_in_script(source: str) -> Iterator[tuple[int, str]]:
    """Names of JavaScript, apart from properties, literals and comments."""
    code = LITERALS.sub(lambda literal: re.sub(r"[^\n]", " ", literal[0]), source)
    for number, line in enumerate(code.splitlines(), 1):
        for name in IDENTIFIER.findall(line):
            if name in (VARIABLES | FUNCTIONS) - {"of"}:
                yield number, name


def scripts() -> list[Path]:
    return [path for path in sorted((ROOT / "static").rglob("*.js")) if "vendor" not in path.parts]


def test_names_in_scripts_are_nouns_or_verbs() -> None:
    problems = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in scripts()
        for line, name in refused_in_script(path.read_text())
    ]
    problems += [f"{path.relative_to(ROOT)}: file name" for path in scripts() if path.stem in FILES]
    assert not problems, "Name the thing or the act:\n" + "\n".join(problems)


@pytest.mark.parametrize("source", ["const found = 1;", "for (const each of []) ;", "(one) => one + 1"])
def test_a_pronoun_or_participle_in_a_script_is_refused(source: str) -> None:
    assert list(refused_in_script(source))


def test_a_word_in_a_string_or_property_of_a_script_is_accepted() -> None:
    assert not list(refused_in_script('answer.told = "found"; // each\nconst { given: rated } = line;'))


def test_scripts_import_in_no_circle() -> None:
    imports = {
        path: [(path.parent / name).resolve() for name in IMPORT.findall(path.read_text())]
        for path in scripts()
    }
    assert any(imports.values())
    while leaves := [path for path, targets in imports.items() if not set(targets) & imports.keys()]:
        for path in leaves:
            del imports[path]
    assert not imports, [str(path.relative_to(ROOT)) for path in imports]


def test_files_are_named_for_their_content() -> None:
    refused_files = [path for path in (*python_files(), *other_files()) if is_refused_file(path)]
    assert not refused_files, "Name the content of the file: " + ", ".join(map(str, refused_files))


@pytest.mark.parametrize("name", ["_one", "said", "who", "__of"])
def test_a_function_named_by_a_pronoun_or_participle_is_refused(name: str) -> None:
    assert is_refused_function(name)


@pytest.mark.parametrize(
    "name", ["tests/test_beside.py", "templates/_once/_known.html", "static/elsewhere.js"]
)
def test_a_file_named_by_a_place_or_participle_is_refused(name: str) -> None:
    assert is_refused_file(Path(name))
