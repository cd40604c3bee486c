"""Every mode of a project at the desk, by keys alone and by touch."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import text

from app.core.db import transaction
from app.exchange.alternative_parser import parse_alternatives
from tests.browser.conftest import Web, Work, next_is_here, on_problem, press, saved

Open = Callable[..., Page]
TREE = [["$2 + 2 = 5$", {"text": "Two and two are four.", "next": ["So $4$.", "So $5$."]}], ["So it is $5$."]]


def work_in(mode: str, count: int = 1) -> Work:
    work = Work(count)
    work.ask(f"UPDATE project SET mode = '{mode}' RETURNING id")
    with transaction() as db:
        for (solution,) in work.ask("SELECT id FROM solution"):
            for alternative in parse_alternatives(TREE, 3):
                db.execute(
                    text("INSERT INTO alternative VALUES (:solution, :at, :number, :prefix, :words)"),
                    {"solution": solution, "at": alternative.position, "number": alternative.candidate,
                     "prefix": list(alternative.prefix), "words": alternative.text},
                )  # fmt: skip
    return work


LABELS = (
    "SELECT position, texts, ratings, chosen, human_text FROM step_label ORDER BY assignment_id, position"
)


def test_alternatives_by_keys(open_desk: Open, site: Web) -> None:
    work = work_in("alternatives")
    page = open_desk(work)
    on_problem(page, 1)
    expect(page.locator(".step:visible")).to_have_count(3)
    press(page, "2 1 3")
    expect(page.locator("#missing")).to_have_text("Choose an alternative for step 1")
    press(page, "n")
    expect(page.locator("#note-title")).to_have_text("Note on step 1, alternative 2")
    page.keyboard.type("Of this one")
    press(page, "Control+Enter")
    expect(page.locator("#step-0-2 .note")).to_have_text("Of this one")
    expect(page.locator("#step-0 .note")).to_have_count(0)
    press(page, "c")
    expect(page.locator(".step:visible")).to_have_count(5)
    press(page, "u c 3 1 k c")
    expect(page.locator("#missing")).to_have_text("No further alternatives")
    saved(page)
    page.reload()
    expect(page.locator("#missing")).to_have_text("No further alternatives")
    press(page, "Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    first, second = work.ask(LABELS)
    assert (first[2], first[3], second[1], second[2], second[3]) == (
        [0, -1, 1], 2, ["So $4$.", "So $5$."], [1, -1], 0,
    )  # fmt: skip


def test_alternatives_by_touch_all_wrong_one_is_written(open_desk: Open, site: Web) -> None:
    work = work_in("alternatives")
    page = open_desk(work, has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": 390, "height": 844})
    on_problem(page, 1)
    for _ in range(3):
        page.tap(".face.negative")
    page.locator("#human-text").fill("It is four.")
    page.tap(".controls [data-do=submit]")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    [label] = work.ask(LABELS)
    assert label[2:] == ([-1, -1, -1], None, "It is four.")


def test_candidates_after_the_first_mistake(open_desk: Open, site: Web) -> None:
    work = work_in("first_error")
    page = open_desk(work)
    on_problem(page, 1)
    expect(page.locator(".step:visible")).to_have_count(3)
    press(page, "1")
    expect(page.locator(".step:visible")).to_have_count(5)
    press(page, "1 3 Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    [label] = work.ask(LABELS)
    assert label[2:4] == ([-1, -1, 1], None)


def test_every_step_by_keys_without_a_network(open_desk: Open, site: Web) -> None:
    work = work_in("every_step", 2)
    page = open_desk(work)
    on_problem(page, 1)
    saved(page)
    next_is_here(page)
    page.context.set_offline(True)
    press(page, "3 1 2 Enter")
    on_problem(page, 2)
    press(page, "1 3")
    assert work.submitted() == []
    page.context.set_offline(False)
    saved(page)
    assert work.submitted() == [("found_error", [1, -1, 0])]
    assert work.ask("SELECT count(*) FROM rating_event") == [(5,)]
