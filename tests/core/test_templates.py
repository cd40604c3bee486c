"""Templates stay readable: no long lines, and every one parses."""

from __future__ import annotations

from pathlib import Path

from app.core.web import ROOT, templates

LONGEST = 120
FOLDER = ROOT / "templates"


def test_no_template_line_is_over_120_columns() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _list_templates()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LONGEST
    ]
    assert long == []


def test_every_template_compiles() -> None:
    for path in _list_templates():
        templates.get_template(path.relative_to(FOLDER).as_posix())


def _list_templates() -> list[Path]:
    paths = sorted(FOLDER.rglob("*.html"))
    assert paths, FOLDER
    return paths
