"""Counts what docs/decisions/one-run.md compares: the size and the repetition of the code at two commits.

python bench/house.py [--before ce82cad] [--after HEAD]"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import tarfile
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEFORE = "ce82cad"
CODE = (
    "app/**/*.py",
    "templates/**/*.html",
    "static/**/*.js",
    "static/**/*.css",
    "tests/**/*.py",
    "bench/*.py",
)
MODES = {"first_error", "alternatives", "every_step"}
OBJECTIVES = {"prm3", "prm2", "soft", "orm", "verifier_token", "verifier_solution"}
QUEUED = re.compile(r'^    state: Mapped\[str\] = .*"queued"', re.MULTILINE)
STATE_WRITE = re.compile(r"\.state(, [\w.]+)* = |\bstate = '(queued|running|succeeded|failed|cancelled)'")
TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?([a-z_]+)\b")
COMPARED = re.compile(r"""[=!]==?\s*["'](\w+)["']""")
DUPLICATE_LINES = 6
THIN = re.compile(r"#|from |import |(</?\w+>|\{% (end\w+|else) %\}|\s)+$")
"""Comments, imports, and lines of tags without content."""


class Tree:
    """The files of a commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = list(self.files("app/**/*.py"))

    def files(self, *patterns: str) -> Iterator[Path]:
        for pattern in patterns:
            for path in sorted(self.folder.glob(pattern)):
                if not {"vendor", "axe"} & set(path.parts):
                    yield path

    def lines(self, *patterns: str) -> Iterator[str]:
        for path in self.files(*patterns):
            yield from path.read_text().splitlines()

    def slice_of(self, path: Path) -> str:
        return path.relative_to(self.folder / "app").parts[0].removesuffix(".py")


def count_lines(*patterns: str) -> Callable[[Tree], int]:
    return lambda tree: sum(1 for _ in tree.lines(*patterns))


def count_long_files(*patterns: str) -> Callable[[Tree], int]:
    return lambda tree: sum(len(path.read_text().splitlines()) > 200 for path in tree.files(*patterns))


def count_lifecycles(tree: Tree) -> int:
    """Tables with a state of their own that starts as queued, directly or from a base class."""
    classes = [
        (node, ast.get_source_segment(source, node) or "")
        for path in tree.python
        if "Mapped[" in (source := path.read_text())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    ]
    queued = {node.name for node, source in classes if QUEUED.search(source)}
    mixins = {node.name for node, source in classes if node.name in queued and "__tablename__" not in source}
    return sum(
        node.name in queued or bool({ast.unparse(base).split(".")[-1] for base in node.bases} & mixins)
        for node, source in classes
        if "__tablename__" in source
    )


def count_state_writers(tree: Tree) -> int:
    return sum(bool(STATE_WRITE.search(path.read_text())) for path in tree.python)


def count_untyped(tree: Tree) -> int:
    return sum("dict[str, Any]" in line for line in tree.lines("app/**/*.py"))


def count_comparisons(variants: set[str]) -> Callable[[Tree], int]:
    """Comparisons of a value with the id of a variant, in Python, templates and scripts."""

    def count(tree: Tree) -> int:
        total = 0
        for path in tree.python:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Compare):
                    operands = [node.left, *node.comparators]
                    total += any(constants_of(operand) & variants for operand in operands)
        for line in tree.lines("templates/**/*.html", "static/**/*.js"):
            total += sum(name in variants for name in COMPARED.findall(line))
        return total

    return count


def constants_of(node: ast.expr) -> set[str]:
    """The texts of a constant, or of a tuple, list or set of constants."""
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return {item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)}


def count_reads(tree: Tree, direction: str) -> int:
    """Tables that the SQL of a slice reads from slices above it, or beside it. A table counts once a file."""
    ranks, owners = layer_ranks(tree), table_owners(tree)
    total = 0
    for path in tree.python:
        reader = tree.slice_of(path)
        for table in tables_of(path):
            owner = owners.get(table, reader)
            if reader in ranks and owner in ranks and owner != reader:
                total += ranks[owner] > ranks[reader] if direction == "up" else ranks[owner] == ranks[reader]
    return total


def layer_ranks(tree: Tree) -> dict[str, int]:
    contracts = tomllib.loads((tree.folder / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if len(contract.get("layers", ())) > 10)
    return {
        name.strip(" ()").removeprefix("app."): rank
        for rank, layer in enumerate(reversed(layers))
        for name in layer.replace(":", "|").split("|")
    }


def table_owners(tree: Tree) -> dict[str, str]:
    return {
        table: tree.slice_of(path)
        for path in tree.python
        for table in re.findall(r'__tablename__ = "(\w+)"', path.read_text())
    }


def tables_of(path: Path) -> set[str]:
    """Names behind FROM, JOIN and the like in the texts of a file, docstrings excluded."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        for name in TABLE.findall(node.value)
    }


def count_wide_template_lines(tree: Tree) -> int:
    return sum(len(line) > 200 for line in tree.lines("templates/**/*.html"))


def count_duplicates(tree: Tree) -> int:
    """Runs of six lines that occur more than once, each counted without its first place. Blank lines,
    comments, imports, closing tags and lines without a letter do not count."""
    runs: Counter[tuple[str, ...]] = Counter()
    for path in tree.files(*CODE):
        lines = [line.strip() for line in path.read_text().splitlines()]
        lines = [line for line in lines if re.search("[a-zA-Z]", line) and not THIN.match(line)]
        runs.update(zip(*(islice(lines, start, None) for start in range(DUPLICATE_LINES)), strict=False))
    return sum(count - 1 for count in runs.values() if count > 1)


SLICES = ("simulation", "evaluation", "lab", "search", "world", "demo")
MEASURES: dict[str, Callable[[Tree], int]] = {
    "lines of app, Python": count_lines("app/**/*.py"),
    **{f"lines of app/{name}": count_lines(f"app/{name}/**/*.py", f"app/{name}.py") for name in SLICES},
    "lines of templates": count_lines("templates/**/*.html"),
    "lines of own JavaScript and CSS": count_lines("static/**/*.js", "static/**/*.css"),
    "lines of tests": count_lines("tests/**/*.py"),
    "lines of bench": count_lines("bench/*.py"),
    "tables with a state that starts as queued": count_lifecycles,
    "files that write a state": count_state_writers,
    "lines with `dict[str, Any]` in app": count_untyped,
    "comparisons with the id of a mode": count_comparisons(MODES),
    "comparisons with the id of an objective": count_comparisons(OBJECTIVES),
    "tables read from slices above": lambda tree: count_reads(tree, "up"),
    "tables read from slices beside": lambda tree: count_reads(tree, "beside"),
    "template lines over 200 characters": count_wide_template_lines,
    "Python files of app over 200 lines": count_long_files("app/**/*.py"),
    "repeated runs of six lines": count_duplicates,
}


def extract(commit: str, folder: Path) -> Tree:
    command = ["git", "archive", commit]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return Tree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--after", default="HEAD")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        trees = extract(arguments.before, Path(before)), extract(arguments.after, Path(after))
        print("| | before | after |\n| --- | ---: | ---: |")
        for name, measure in MEASURES.items():
            print(f"| {name} | {measure(trees[0]):,} | {measure(trees[1]):,} |")


if __name__ == "__main__":
    main()
