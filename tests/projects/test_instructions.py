"""Instructions: published in versions, rendered without harm, and known to be read."""

from __future__ import annotations

import re
import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.core.errors import Conflict
from app.projects import instructions, projects
from app.projects.instructions import DiffLine
from app.projects.markdown import render_markdown
from app.projects.models import InstructionsVersion, Project
from tests.factories import base as factories


@pytest.fixture
def project(db: Session) -> Project:
    return factories.project(db, "Algebra")


def test_versions_follow_one_another_and_stay(db: Session, project: Project) -> None:
    admin = factories.member(db, project, "admin")
    first = instructions.publish_version(db, project, "# Be kind\r\n", admin, 0)
    assert instructions.publish_version(db, project, "# Be kind", admin, 1) is None
    instructions.publish_version(db, project, "# Be kinder", admin, 1)
    assert (first.number, project.instructions_number, project.instructions) == (1, 2, "# Be kinder")  # type: ignore[union-attr]
    assert instructions.get_text(db, project, 1) == "# Be kind"
    with pytest.raises(Conflict, match="Version 2 was published while you were editing"):
        instructions.publish_version(db, project, "Mine", admin, 1)
    assert db.scalars(select(AuditEvent.detail).where(AuditEvent.action == "instructions.publish")).all() == [
        {"version": 1},
        {"version": 2},
    ]


def test_a_new_project_begins_with_ours(db: Session) -> None:
    project = projects.create_project(db, "Geometry", "first_error", None)
    assert "Substance over nitpicks" in project.instructions
    assert db.get(InstructionsVersion, (project.id, 1)).text == project.instructions  # type: ignore[union-attr]
    own = projects.create_project(db, "Sums", "first_error", None, instructions="Ours")
    assert (own.instructions, own.instructions_number) == ("Ours", 1)


def test_news_until_they_are_read(db: Session, project: Project) -> None:
    who = factories.member(db, project)
    assert instructions.find_update(db, project, who) is None
    instructions.publish_version(db, project, "One\nTwo\nThree\nFour", None)
    assert instructions.find_update(db, project, who) == instructions.InstructionsUpdate(1, None, [])
    instructions.acknowledge_version(db, project, who, 1)
    instructions.acknowledge_version(db, project, who, 1)
    assert instructions.find_update(db, project, who) is None
    instructions.publish_version(db, project, "One\n2\nThree\nFour", None)
    news = instructions.find_update(db, project, who)
    assert news == instructions.InstructionsUpdate(
        2,
        1,
        [DiffLine("same", "One"), DiffLine("gone", "Two"), DiffLine("new", "2"), DiffLine("same", "Three")],
    )


def test_long_unchanged_stretches_are_left_out() -> None:
    before = "\n".join(str(line) for line in range(100))
    after = before.replace("10\n", "ten\n", 1) + "\nend"
    kinds = [line.kind for line in instructions.diff_lines(before, after)]
    assert kinds == ["same", "gone", "new", "same", "skip", "same", "new"]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<b onclick='x'>bold</b>",
        "[go](javascript:alert(1))",
        "[go](JaVaScRiPt&colon;alert(1))",
        "[go](data:text/html,<script>alert(1)</script>)",
        "[go](vbscript:x)",
        "![p](https://example.org/p.png)",
        "$<img src=x onerror=alert(1)>$",
        "\\(</span><script>alert(1)</script>\\)",
        "```\n<script>alert(1)</script>\n```",
        '[a](https://example.org "><script>alert(1)</script>")',
        "<https://example.org/\"onmouseover='x'>",
    ],
)
def test_no_harm_comes_from_markdown(text: str) -> None:
    html = str(render_markdown(text))
    tags = re.findall(r"<[^>]*>", html)
    assert not [tag for tag in tags if re.match(r"</?(script|img|b|iframe|style)\b", tag)], html
    assert not [tag for tag in tags if re.search(r"\son\w+=|href=\"(?!https?:)", tag)], html


def test_mathematics_passes_through_markdown() -> None:
    html = str(render_markdown("A $a_1*b_2*c$ and \\(x\\_y\\) cost $5 and $10.\n\n$$\\frac{a}{b}\\\\c$$"))
    assert '<span class="math-text">$a_1*b_2*c$</span>' in html
    assert '<span class="math-text">\\(x\\_y\\)</span>' in html
    assert "cost $5 and $10." in html
    assert '<span class="math-text">$$\\frac{a}{b}\\\\c$$</span>' in html


@pytest.mark.parametrize("text", ["$a " * 16000, "\\(" * 25000, "$$" * 25000, "[" * 50000, "*a_ " * 12000])
def test_hostile_markdown_takes_no_time(text: str) -> None:
    start = time.process_time()
    render_markdown(text)
    assert time.process_time() - start < 3


def test_pages(web: TestClient, db: Session, project: Project) -> None:
    home = "/projects/algebra/instructions"
    admin, labeler = factories.member(db, project, "admin"), factories.member(db, project)
    factories.sign_in(web, db, admin)
    assert "No instructions yet" in web.get(home).text
    preview = web.post(home, data={"text": "## Be *kind*", "act": "preview", "base": "0"})
    assert "<h3>Be <em>kind</em></h3>" in preview.text
    assert "<ins>## Be *kind*</ins>" in preview.text
    assert project.instructions_number == 0
    assert web.post(home, data={"text": "## Be *kind*", "base": "0"}).status_code == 303
    stale = web.post(home, data={"text": "Mine", "base": "0"})
    assert stale.status_code == 409
    assert "Mine</textarea>" in stale.text

    factories.sign_in(web, db, labeler)
    page = web.get(home).text
    assert "You have not read these yet" in page
    assert "draft" not in page
    assert web.post(f"{home}/reading", data={"number": "1"}).headers["location"] == "/projects/algebra/desk"
    assert "You have not read" not in web.get(home).text
    assert web.post(f"{home}/reading", data={"number": "9"}).status_code == 404
    assert web.get(f"{home}?version=9").status_code == 422
    assert web.post(home, data={"text": "x"}).status_code == 403
