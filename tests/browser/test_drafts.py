"""Every typed word survives Escape, a reload and a closed browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from app.core.db import transaction
from tests.browser.conftest import Web, Work, on_problem, on_step, press, saved

Open = Callable[..., Page]


def with_alternatives(count: int = 1) -> Work:
    """Solutions whose first step has one alternative."""
    work = Work(count)
    with transaction() as db:
        db.execute(text("UPDATE project SET mode = 'alternatives'"))
        db.execute(
            text(
                "INSERT INTO alternative (solution_id, position, candidate, prefix, text)"
                " SELECT id, 0, 1, '{}', 'Two and two are five.' FROM solution"
            )
        )
    return work


def test_a_written_step_is_saved_while_it_is_typed(open_desk: Open, site: Web) -> None:
    work = with_alternatives()
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "1 1")
    area = page.locator("#human-text")
    area.click()
    page.keyboard.type("It is four, ")
    expect(page.locator("#save")).to_have_text("Saved")
    work.comes_to("SELECT count(*) FROM rating_event WHERE human_text = 'It is four, '", [(1,)])
    page.keyboard.type("as counting shows.")
    page.reload()  # before the pause after which it is sent
    on_problem(page, 1)
    expect(area).to_have_value("It is four, as counting shows.")
    saved(page)
    area.click()
    page.keyboard.type(" ")
    press(page, "Control+Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    assert work.ask("SELECT human_text FROM step_label") == [("It is four, as counting shows.",)]


def test_a_text_that_is_not_saved_yet_is_not_called_saved(open_desk: Open, site: Web) -> None:
    work = with_alternatives()
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "1 1")
    saved(page)
    page.context.set_offline(True)
    page.locator("#human-text").click()
    page.keyboard.type("It is four.")
    expect(page.locator("#save")).to_have_text("Offline: 1 unsent")  # one entry, however many keys
    page.context.set_offline(False)
    saved(page)
    assert work.ask("SELECT human_text FROM rating_event WHERE human_text IS NOT NULL") == [("It is four.",)]


def test_a_note_closed_with_escape_is_a_draft(open_desk: Open, site: Web) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 n")
    page.keyboard.type("Is zero allowed?")
    press(page, "Escape")
    note = page.locator("#step-1 .note")
    expect(note).to_have_text("Unsaved note: Is zero allowed?")
    page.reload()
    on_problem(page, 1)
    expect(note).to_have_text("Unsaved note: Is zero allowed?")
    on_step(page, 2)
    press(page, "n")
    field = page.locator("#note textarea")
    expect(field).to_have_value("Is zero allowed?")
    expect(page.locator("#note")).to_contain_text("This draft is not saved yet.")
    press(page, "Control+Enter")
    expect(note).to_have_text("Is zero allowed?")
    saved(page)
    assert work.ask("SELECT position, text FROM step_note") == [(1, "Is zero allowed?")]
    press(page, "n")
    expect(page.locator("#note [data-is=draft]")).to_be_hidden()


@pytest.mark.parametrize("key", ["b", "g"])
def test_a_reason_closed_with_escape_is_a_draft(open_desk: Open, site: Web, key: str) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    dialog = {"b": "#bad_problem", "g": "#give_up"}[key]
    press(page, f"{key} 2")  # the second reason, by its digit
    page.locator(f"{dialog}-more").fill("The figure is missing.")
    press(page, "Escape")
    page.reload()
    on_problem(page, 1)
    press(page, key)
    expect(page.locator(f"{dialog} [data-digit='2']")).to_be_checked()
    expect(page.locator(f"{dialog}-more")).to_have_value("The figure is missing.")
    page.locator(f"{dialog}-more").press("Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    ((comment,),) = work.ask("SELECT comment FROM assignment")
    assert comment.endswith(". The figure is missing.")
