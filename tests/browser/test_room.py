"""Everything at the desk has its place: nothing covers anything, at any width, with any text."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from app.core.db import transaction
from app.projects import instructions
from app.projects.models import Project
from tests.browser.conftest import STEPS, Work, on_problem

Open = Callable[..., Page]

COVERED = """() => [...document.querySelectorAll("#controls button, #missing, .desk-top button, #save")]
    .filter((one) => one.checkVisibility())
    .filter((one) => {
        const box = one.getBoundingClientRect();
        const points = [[.5, .5], [.05, .5], [.95, .5], [.5, .1], [.5, .9]];
        return points.some(([x, y]) => {
            const seen = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
            return seen !== one && !one.contains(seen);
        });
    })
    .map((one) => one.id || one.dataset.do)"""
LONG = "199 alternatives for step 200 left, or rate the first error of them all"


def covered(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
    covered_elements: list[str] = page.evaluate(COVERED)
    sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*covered_elements, "the page scrolls sideways"] if sideways else covered_elements


def test_nothing_covers_anything_with_and_without_the_instructions(open_desk: Open) -> None:
    work = Work(1, STEPS * 5)
    with transaction() as db:
        project = db.get(Project, work.project)
        assert project
        instructions.publish_version(db, project, "## Rules\n\n" + "Rate every step with care. " * 80, None)
    page = open_desk(work, reduced_motion="reduce")
    on_problem(page, 1)
    page.locator("#introduction [data-do=instructions]").click()
    wrong = {}
    for beside in (True, False):  # under 1200 pixels the panel lies over the desk and is closed
        for width in (1200, 1280, 1440, 1600) if beside else (390, 700, 820, 1024, 1280, 1440, 1600):
            for message in ("", LONG):
                if message:
                    page.locator("#missing").evaluate(
                        "(line, words) => { line.textContent = words }", message
                    )
                else:
                    page.keyboard.press("j")  # as it is
                if problems := covered(page, width):
                    wrong[beside, width, bool(message)] = problems
        if beside:
            page.keyboard.press("Escape")
            page.locator("#instructions").wait_for(state="hidden")
    assert wrong == {}
