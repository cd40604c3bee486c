"""The documentation says what is there: folders, layers, tables, settings, commands, links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.main import get_command

from app import models
from app.cli import cli
from app.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
TABLES = set(models.Base.metadata.tables)


def in_app() -> set[str]:
    """What stands in app/: its modules, and its folders with a slash."""
    modules = {path.name for path in (ROOT / "app").glob("*.py")} - {"__init__.py"}
    return modules | {f"{path.parent.name}/" for path in (ROOT / "app").glob("*/__init__.py")}


def test_the_folder_list_of_the_architecture_is_the_one_of_app() -> None:
    block = ARCHITECTURE.split("    app/\n")[1].split("    migrations/")[0]
    assert set(re.findall(r"^ {6}(\S+) ", block, re.MULTILINE)) == in_app()


def test_its_layers_are_those_the_linter_keeps() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    contract_layers = [set(re.findall(r"app\.(\w+)", layer)) for layer in contracts[0]["layers"]]
    match = re.search(r"High to low: roots; (.*?)\.", ARCHITECTURE, re.DOTALL)
    assert match
    layers = [set(re.findall(r"\w+", layer)) for layer in match[1].split(";")]
    roots = {name.removesuffix(".py") for name in in_app() if name.endswith(".py")} - {"settings"}
    below = [layer for layer in contract_layers if not layer <= roots]
    assert [*layers[:-1], *({name} for name in re.findall(r"\w+", match[1].split(";")[-1]))] == below


def test_every_table_stands_with_its_slice() -> None:
    block = ARCHITECTURE.split("## The tables\n")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", block, re.MULTILINE))
    tables_by_slice: dict[str, set[str]] = {}
    for mapper in models.Base.registry.mappers:
        tables_by_slice.setdefault(mapper.class_.__module__.split(".")[1], set()).add(mapper.local_table.name)  # type: ignore[attr-defined]
    assert {name: set(re.findall(r"`(\w+)`", row)) for name, row in documented.items()} == tables_by_slice


def test_every_setting_is_told() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    names = [str(field.validation_alias) for field in Settings.model_fields.values()]
    assert [name for name in names if f"`{name}`" not in page] == []


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each `stepmark ...` in the code of a page."""
    text = page.read_text()
    code = re.findall(r"^(?: {4}|\$ )(.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    for line in code:
        for command_line in re.findall(r"(?:^|[|;&] *|\.venv/bin/)stepmark ([a-z][^|;&#]*)", line):
            yield re.sub(r'"[^"]*"', "TEXT", command_line).split()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    for arguments in commands(page):
        command: Any = get_command(cli)
        while hasattr(command, "commands") and arguments and re.fullmatch(r"[a-z][a-z0-9-]+", arguments[0]):
            assert arguments[0] in command.commands, f"stepmark {arguments[0]}"
            command = command.commands[arguments.pop(0)]
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        used = {re.split("[=`]", word)[0].strip("[]") for word in arguments if re.match(r"\[?--\w", word)}
        assert used <= options | {"--help"}, f"{command.name}: {used - options}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        where, _, anchor = unquote(link).partition("#")
        to = (page.parent / where).resolve() if where else page
        assert to.exists(), link
        assert not anchor or anchor in anchors(to), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
            ahead += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set((ROOT / "docs").glob("*.md")) <= seen
