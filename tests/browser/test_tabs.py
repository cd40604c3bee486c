"""One labeler in several tabs and windows: one lease, one word, nothing twice."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import STEPS, Web, Work, next_is_here, on_problem, on_step, press, saved

Open = Callable[..., Page]
TABS = 16


def another(page: Page, site: Web) -> Page:
    tab = page.context.new_page()
    tab.set_default_timeout(20000)
    tab.goto(f"{site.url}/projects/pilot/desk", wait_until="commit")
    return tab


def test_a_second_tab_shows_what_is_said_in_the_first_and_follows_it(open_desk: Open, site: Web) -> None:
    work = Work(3)
    first = open_desk(work)
    on_problem(first, 1)
    press(first, "3")
    second = another(first, site)
    on_problem(second, 1)
    on_step(second, 2)
    press(first, "2")
    on_step(second, 3)
    expect(second.locator("#step-1 .mini.neutral")).to_have_attribute("aria-pressed", "true")
    press(second, "u")  # what the first said
    on_step(first, 2)
    press(second, "3")
    on_step(first, 3)
    press(first, "n")
    first.keyboard.type("Why four?")
    press(first, "Control+Enter")
    expect(second.locator("#step-2 .note")).to_have_text("Why four?")
    press(second, "1")
    expect(first.locator("#missing")).to_have_text("Submit: first error at step 3")

    press(second, "b")  # a question about the first solution is open while it is submitted elsewhere
    press(first, "Enter")
    on_problem(first, 2)
    on_problem(second, 2)
    second.locator("#bad_problem").get_by_text("four or more").click()
    press(second, "Enter")
    expect(second.locator("#banner")).to_contain_text("was submitted in another tab")
    saved(first)
    saved(second)
    assert work.submitted() == [("found_error", [1, 1, -1])]
    assert [row[1:] for row in work.ask("SELECT id, position, rating FROM rating_event ORDER BY id")] == [
        (0, 1), (1, 0), (1, None), (1, 1), (2, -1),
    ]  # fmt: skip
    next_is_here(second)  # the one after is ready in both
    press(second, "u")  # across the submission: both are back
    on_problem(first, 1)
    on_problem(second, 1)
    expect(first.locator("#missing")).to_have_text("Submit: first error at step 3")
    press(first, "Enter")
    on_problem(second, 2)
    saved(first)
    assert work.submitted() == [("found_error", [1, 1, -1])]


def test_two_tabs_without_a_network_deliver_once(open_desk: Open, site: Web) -> None:
    work = Work(3)
    first = open_desk(work)
    on_problem(first, 1)
    second = another(first, site)
    on_problem(second, 1)
    next_is_here(first)
    next_is_here(second)
    first.context.set_offline(True)
    press(first, "3")
    on_step(second, 2)
    press(second, "3 1")
    expect(first.locator("#missing")).to_have_text("Submit: first error at step 3")
    press(first, "Enter")
    on_problem(second, 2)
    press(second, "1")
    assert work.ask("SELECT count(*) FROM rating_event") == [(0,)]
    first.context.set_offline(False)
    saved(first)
    saved(second)
    press(second, "Enter")
    on_problem(first, 3)
    saved(second)
    assert work.submitted() == [("found_error", [1, 1, -1]), ("found_error", [-1])]
    assert work.ask("SELECT count(*), count(DISTINCT (assignment_id, position)) FROM rating_event") == [
        (4, 4)
    ]


def test_another_browser_is_caught_up_with(open_desk: Open, site: Web) -> None:
    work = Work(2)
    first, second = open_desk(work), open_desk(work)  # two contexts: nothing is shared but the server
    on_problem(first, 1)
    on_problem(second, 1)
    press(first, "3 2")
    saved(first)
    on_step(second, 1)
    press(second, "2")  # of step 1: the newest word counts
    on_step(second, 3)  # and what the first said of step 2 shows with the answer
    expect(second.locator("#step-1 .mini.neutral")).to_have_attribute("aria-pressed", "true")
    expect(second.locator("#announcer")).to_contain_text("another window")
    press(second, "3 Enter")
    on_problem(second, 2)
    saved(second)
    press(first, "3")
    expect(first.locator("#banner")).to_contain_text("already submitted, perhaps in another tab")
    first.get_by_role("button", name="Open next task").click()
    first.locator("#discard").get_by_role("button", name="Discard").click()
    on_problem(first, 2)


def test_sixteen_tabs_one_lease(open_desk: Open, site: Web) -> None:
    work = Work(3, tuple(f"{STEPS[0]} And {number}." for number in range(TABS)))
    first = open_desk(work)
    tabs = [first]
    for _ in range(TABS - 1):
        tabs.append(another(first, site))
    for tab in tabs:
        on_problem(tab, 1)
    assert work.ask("SELECT count(*) FROM assignment WHERE state = 'leased'") == [(1,)]
    for number, tab in enumerate(tabs):
        on_step(tab, number + 1)
        press(tab, "3")
    for tab in tabs:
        expect(tab.locator("#missing")).to_have_text("Submit: no error")
    press(tabs[7], "Enter")
    for tab in tabs:
        on_problem(tab, 2)
        expect(tab.locator("#banner")).to_be_hidden()
        saved(tab)
    assert work.submitted() == [("solution", [1] * TABS)]
    assert work.ask("SELECT count(*), count(DISTINCT position) FROM rating_event") == [(TABS, TABS)]
    work.comes_to(
        "SELECT state, count(*) FROM assignment GROUP BY state ORDER BY state",
        [("leased", 1), ("reserved", 1), ("submitted", 1)],
    )
