"""The desk says at once why nothing comes, and takes up what comes later by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import text

from app.core.db import transaction
from app.labeling.models import Task
from tests.browser.conftest import Work, next_is_here, on_problem, press, saved
from tests.browser.gold_tasks import gold
from tests.factories import base as factories

Open = Callable[..., Page]


def test_who_is_paused_is_told_at_once_and_why(open_desk: Open) -> None:
    work = Work(4)
    gold(work, 2, [1, -1])
    with transaction() as db:
        policy = "gold_threshold = 0.6, gold_window = 1, gold_rate = 0.001, gold_feedback = false"
        db.execute(text(f"UPDATE project SET {policy}"))
    page = open_desk(work)
    on_problem(page, 2)
    next_is_here(page)
    press(page, "3 3 3 Enter")  # wrong: the one after it is on screen, and goes again
    heading = page.get_by_role("heading", name="You cannot label in this project right now")
    expect(heading).to_be_focused()
    expect(page.locator("#sheet")).to_contain_text("0 of your last 1 gold tasks were correct")
    expect(page.locator("#sheet")).to_contain_text("ask a project admin")
    expect(page.locator("#announcer")).to_contain_text("You cannot label in this project right now")
    expect(page.get_by_role("link", name="Instructions")).to_be_visible()
    expect(page.locator("#controls")).to_be_hidden()
    saved(page)
    page.reload()
    expect(page.get_by_role("heading", name="You cannot label in this project right now")).to_be_visible()
    page.goto(page.url)
    with transaction() as db:
        db.execute(text("UPDATE labeler_status SET paused_at = NULL, gold_counted_from = now()"))
    page.reload()
    expect(page.locator(".statement")).to_contain_text("Problem")


def test_an_empty_queue_is_looked_at_again_by_itself(open_desk: Open) -> None:
    work = Work(1)
    with transaction() as db:
        db.query(Task).one().overlap = 2  # a second labeler is still needed
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 3 3 Enter")
    heading = page.get_by_role("heading", name="Nothing left for you")
    expect(heading).to_be_focused()
    expect(page.locator("#sheet")).to_contain_text("Remaining tasks need a different labeler")
    saved(page)
    page.clock.install()
    page.get_by_role("button", name="Refresh").click()
    expect(heading).to_be_focused()
    with transaction() as db:
        project = db.query(Task).one().solution.project_id
        next_problem = factories.problem(
            db, db.get(factories.Project, project), "Problem 2: what is $3 + 3$?"
        )
        factories.task(db, factories.solution(db, next_problem))
    page.clock.run_for(31000)
    on_problem(page, 2)
    expect(page.locator(".step.current")).to_be_focused()
