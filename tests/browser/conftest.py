"""A real browser against a real web process on a database of its own."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.accounts import sessions
from app.accounts.access import cookie_name
from app.accounts.passwords import hash_password
from app.core import db as core_db
from app.core.db import transaction
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.conftest import forget, named
from tests.factories import base as factories
from tests.polling import until
from tests.processes import WebProcess as Web

expect.set_options(timeout=20_000)  # a state is waited for as long as a loaded machine takes
EMAIL, PASSWORD = "labeler@example.org", "correct horse battery"
STEPS = ("Add the two: $2 + 2 = 4$.", "Check it: $4 - 2 = 2$.", "The answer is \\boxed{4}.")


@pytest.fixture(scope="module")
def running(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One web process and database for the module; `Work` empties it for each test."""
    name, folder = f"{template}_browser", tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        patch.setenv("DATABASE_URL", named(server, name))
        patch.setenv("STEPMARK_HOME", str(folder))
        forget()
        web = Web(folder / "web.log")
        yield web
        web.kill()
        core_db.engine().dispose()
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    forget()


@pytest.fixture
def site(running: Web) -> Iterator[Web]:
    log_start = running.log.stat().st_size
    yield running
    print(running.log.read_text()[log_start:][-3000:])  # shown when the test failed


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield launched
        launched.close()


def empty() -> None:
    """Forget the test before this one, whose last requests may still be under way."""
    for _ in range(100):
        try:
            with transaction() as db:
                db.execute(text("SET LOCAL lock_timeout = '100ms'"))
                db.execute(text("TRUNCATE project, user_account, login_attempt CASCADE"))
                return
        except OperationalError:
            continue
    pytest.fail("the database of the test before this one is still in use")


class Work:
    """A project with `count` solutions waiting for one labeler."""

    def __init__(self, count: int, steps: tuple[str, ...] = STEPS, **problem: Any) -> None:
        empty()
        with transaction() as db:
            project = factories.project(db, "Pilot")
            who = factories.member(db, project, who=factories.user(db, EMAIL, name="Ada"))
            for number in range(count):
                problem_row = factories.problem(
                    db, project, f"Problem {number + 1}: what is $2 + 2$?", **problem
                )
                factories.task(db, factories.solution(db, problem_row, steps), priority=-number)
            who.password_hash = hash_password(PASSWORD)
            self.token = sessions.create_session(db, who, now=dt.datetime.now(dt.UTC))
            self.project, self.who = project.id, who.id

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with transaction() as db:
            return [tuple(row) for row in db.execute(text(query))]

    def comes_to(self, query: str, rows: list[tuple[Any, ...]], seconds: float = 15) -> None:
        """Waits for what the page asks for by itself, such as the next task."""
        end = time.monotonic() + seconds
        while self.ask(query) != rows and time.monotonic() < end:
            time.sleep(0.05)
        assert self.ask(query) == rows

    def submitted(self) -> list[tuple[str, list[int]]]:
        """How each assignment ended, and its ratings, in the order of the tasks."""
        return [
            (reason, list(ratings))
            for reason, ratings in self.ask(
                "SELECT a.finish_reason, array_agg(l.ratings[1] ORDER BY l.position)"
                " FROM assignment a JOIN step_label l ON l.assignment_id = a.id"
                " WHERE a.state = 'submitted' GROUP BY a.id, a.task_id ORDER BY a.task_id"
            )
        ]


@pytest.fixture
def open_desk(browser: Browser, site: Web) -> Iterator[Callable[..., Page]]:
    """Opens the desk of `work` in a browser of its own; fails the test on a script error."""
    contexts, errors = [], []

    def opened(
        work: Work, signed_in: bool = True, prepare: Callable[[Page], object] = str, width: int = 1280,
        **options: Any,
    ) -> Page:  # fmt: skip
        """`prepare` is called with the page before anything is loaded."""
        height = 844 if width < 500 else 800
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        if signed_in:
            context.add_cookies([{"name": cookie_name(), "value": work.token, "url": site.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(20_000)
        prepare(page)
        page.goto(f"{site.url}/projects/pilot/desk")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def press(page: Page, keys: str) -> None:
    """One key after another, as they stand with spaces between."""
    for key in keys.split():
        page.keyboard.press(key)


def saved(page: Page) -> None:
    expect(page.locator("#save")).to_have_text("Saved")


def comes_true(page: Page, script: str) -> None:
    """Playwright's own wait_for_function asks again by eval, which the page's policy refuses."""
    until(lambda: page.evaluate(script), script, 20)


def next_is_here(page: Page) -> None:
    """The solution after this one was fetched: what follows needs no network."""
    expect(page.locator("[data-ahead]")).to_have_count(1)


def on_problem(page: Page, number: int) -> None:
    expect(page.locator(".statement")).to_contain_text(f"Problem {number}:")


def on_step(page: Page, number: int) -> None:
    expect(page.locator(".step[aria-current=step] .number")).to_have_text(str(number))
