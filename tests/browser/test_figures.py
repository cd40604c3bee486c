"""The figures of an evaluation in a real browser: drawn, switched, read by keys, and without scripts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.accounts import sessions
from app.accounts.access import cookie_name
from app.core.db import transaction
from app.evaluation import driver, runs
from tests.browser.conftest import Web, comes_true, empty
from tests.factories import base as factories
from tests.factories import evaluation as judged

Opened = Callable[..., Page]


@pytest.fixture
def evaluation(browser: Browser, site: Web) -> Any:
    """Opens the page of a finished evaluation; fails the test on a script error."""
    empty()
    with transaction() as db:
        project = factories.project(db, "Judged")
        who = factories.member(db, project, "researcher")
        solutions = judged.pool(db, project, 6)
        model = judged.scored(db, project, solutions, [0.9, 0.2, 0.5, 0.4])
        evaluation = runs.start(db, judged.frozen(db, project), {"resamples": 50}, None, model_id=model.id)
        token = sessions.create_session(db, who, now=dt.datetime.now(dt.UTC))
        evaluation_id = evaluation.id
    driver.advance(evaluation_id)
    contexts, errors = [], []

    def opened(**options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        context.add_cookies([{"name": cookie_name(), "value": token, "url": site.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{site.url}/projects/judged/evaluations/{evaluation_id}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def test_lines_are_drawn_switched_and_read_by_keys(evaluation: Opened) -> None:
    page = evaluation()
    figure = page.locator("#best-of-n")
    expect(figure.locator("canvas").first).to_be_visible()
    figures = page.locator("figure.figure-plot").count()
    assert figures >= 4
    expect(page.locator(".u-wrap")).to_have_count(figures)
    expect(figure.locator(".at")).to_have_text("N = 4")
    expect(figure.locator("output").first).to_have_text("100.0 % (100.0 to 100.0)")
    figure.locator(".canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".at")).to_have_text("N = 1")
    expect(figure.locator("output").first).to_have_text("50.0 % (50.0 to 50.0)")
    box = figure.get_by_label("majority vote")
    before = figure.locator(".u-wrap canvas").screenshot()
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    assert figure.locator(".u-wrap canvas").screenshot() != before


def test_dark_and_narrow_it_fits(evaluation: Opened) -> None:
    page = evaluation(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#best-of-n canvas").first).to_be_visible()
    comes_true(page, "document.querySelector('#best-of-n .u-wrap').clientWidth < 390")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.emulate_media(color_scheme="light")
    expect(page.locator("#best-of-n canvas").first).to_be_visible()


def test_without_scripts_the_table_holds_it(evaluation: Opened) -> None:
    page = evaluation(java_script_enabled=False)
    figure = page.locator("#best-of-n")
    figure.get_by_text("Table", exact=True).click()
    expect(figure.locator("tbody tr").first).to_contain_text("50.0")
    with page.expect_download() as download:
        figure.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith("best-of-n.csv")
