"""What the desk says of a control solution after it was submitted, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Work, on_problem, on_step, press, saved
from tests.browser.gold_tasks import gold

Open = Callable[..., Page]


def test_a_control_solution_is_told_after_it_and_put_away_by_key(open_desk: Open) -> None:
    work = Work(4)
    gold(work, 2, [1, -1])
    page = open_desk(work)
    on_problem(page, 2)
    page.get_by_role("button", name="Start").click()  # the introduction leaves, as asked
    panel = page.get_by_role("complementary", name="That was a control task")
    expect(panel).to_be_hidden()
    press(page, "3 3 3")
    expect(panel).to_be_hidden()
    before = page.locator("#sheet").bounding_box()
    press(page, "Enter")
    on_problem(page, 1)
    expect(panel).to_contain_text("Step 2: you rated positive; expected negative.")
    expect(panel).to_contain_text("The first error is step 2.")
    expect(panel.locator(".katex").first).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("That was a control task.")
    expect(page.locator("#announcer")).to_contain_text("Nothing says that")
    assert page.locator("#sheet").bounding_box()["y"] == before["y"], "it moves nothing"
    press(page, "3")  # work goes on beside it
    on_step(page, 2)
    press(page, "Escape")
    expect(panel).to_be_hidden()
    expect(page.locator(".step.current")).to_be_focused()
    press(page, "3 3 Enter")
    on_problem(page, 3)
    saved(page)
    expect(panel).to_be_hidden()  # a regular one says nothing
    press(page, "u")
    on_problem(page, 1)
    page.get_by_role("link", name="History").click()
    expect(page.locator(".history li")).to_have_count(1)
    expect(page.get_by_text("control task")).to_be_visible()
    expect(page.get_by_role("button", name="Reopen")).to_have_count(0)
    page.get_by_role("link", name="Problem 2").click()
    expect(page.get_by_role("region", name="Control task")).to_contain_text(
        "you rated positive; expected negative"
    )
