"""The desk under a person's fingers: keys, undo, a lost network, a reload, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    EMAIL,
    PASSWORD,
    STEPS,
    Web,
    Work,
    comes_true,
    next_is_here,
    on_problem,
    on_step,
    press,
    saved,
)

Open = Callable[..., Page]


def test_three_solutions_by_keyboard_with_the_network_lost(open_desk: Open, site: Web) -> None:
    work = Work(4)
    page = open_desk(work, signed_in=False)
    expect(page).to_have_url(re.compile("/login"))
    page.keyboard.type(EMAIL)  # the field has the focus already
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    on_problem(page, 1)
    press(page, "3 3 2")
    expect(page.locator("#missing")).to_have_text("Submit: no error")
    press(page, "Enter")

    on_problem(page, 2)
    press(page, "3 1")
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 2")
    press(page, "u")
    on_step(page, 2)
    expect(page.locator("#missing")).to_contain_text("2 steps left")
    press(page, "2 1")
    saved(page)

    next_is_here(page)
    page.context.set_offline(True)
    press(page, "Enter")
    on_problem(page, 3)
    press(page, "3 1")
    expect(page.locator("#save")).to_contain_text("unsent")
    assert len(work.submitted()) == 1

    page.context.set_offline(False)
    saved(page)
    press(page, "Enter")
    on_problem(page, 4)
    saved(page)
    assert work.submitted() == [
        ("solution", [1, 1, 0]),
        ("found_error", [1, 0, -1]),
        ("found_error", [1, -1]),
    ]
    assert work.ask(
        "SELECT count(*) FROM assignment WHERE active_time_ms IS NULL AND state = 'submitted'"
    ) == [(0,)]
    expect(page.locator("#day")).to_contain_text("Today: 3")


def test_undo_goes_back_across_a_submission(open_desk: Open, site: Web) -> None:
    work = Work(3)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "1 Enter")
    on_problem(page, 2)
    saved(page)
    press(page, "3")
    press(page, "u u")
    on_problem(page, 1)
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 1")
    press(page, "u 3 3 3 Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("solution", [1, 1, 1])]
    assert work.ask(
        "SELECT count(*) FROM task WHERE assigned_count <> (SELECT count(*) FROM assignment a"
        " WHERE a.task_id = task.id AND a.state <> 'expired')"
    ) == [(0,)]


def test_a_reload_goes_on_where_it_was_even_with_ratings_unsent(open_desk: Open, site: Web) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3")
    saved(page)
    page.route("**/ratings", lambda route: route.abort())
    press(page, "2")
    expect(page.locator("#save")).to_contain_text("1 unsent")
    page.unroute("**/ratings")
    page.reload()
    on_step(page, 3)
    saved(page)
    press(page, "3 Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    assert work.submitted() == [("solution", [1, 0, 1])]


def test_the_web_process_killed_while_saving(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 3")
    site.kill()
    press(page, "u 3")
    press(page, "1")
    expect(page.locator("#save")).to_contain_text("unsent")
    site.start()
    saved(page)
    press(page, "Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, 1, -1])]
    events = work.ask("SELECT position, rating FROM rating_event ORDER BY id")
    assert events == [(0, 1), (1, 1), (1, None), (1, 1), (2, -1)]


def test_an_answer_that_got_lost_is_not_doubled(open_desk: Open, site: Web) -> None:
    """The server saved it, the browser never heard: it sends the same ids again."""
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    lost = []

    def lose(route) -> None:  # type: ignore[no-untyped-def]
        route.fetch()
        lost.append(route.request.url)
        route.abort()

    page.route("**/ratings", lose, times=1)
    page.route("**/submission", lose, times=1)
    press(page, "1 Enter")
    on_problem(page, 2)
    saved(page)
    assert len(lost) == 2
    assert work.ask("SELECT count(*) FROM rating_event") == [(1,)]
    assert work.submitted() == [("found_error", [-1])]


def test_a_lease_that_ran_out_is_taken_again_without_a_fuss(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    next_is_here(page)  # no claim comes between
    press(page, "3")
    saved(page)
    work.ask(
        "UPDATE assignment SET lease_expires_at = now() - interval '1 s' WHERE state = 'leased' RETURNING id"
    )
    press(page, "3")
    saved(page)
    expect(page.locator("#banner")).to_contain_text("No work was lost")
    assert work.ask("SELECT count(*) FROM rating_event") == [(2,)]


def test_a_lease_lost_to_someone_else_says_what_was_kept(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3")
    saved(page)
    work.ask(
        "UPDATE assignment SET state = 'expired', lease_expires_at = NULL WHERE state = 'leased' RETURNING id"
    )
    press(page, "3")
    expect(page.locator("#banner")).to_contain_text("Saved ratings are kept")
    expect(page.locator(".step.rated")).to_have_count(2)  # what was rated stays on screen
    expect(page.locator("#save")).to_have_text("1 not accepted")
    press(page, "3")  # the task is locked
    expect(page.locator(".step.rated")).to_have_count(2)
    page.get_by_role("button", name="Open next task").click()
    question = page.locator("#discard")
    expect(question).to_contain_text("Step 2: positive")
    question.get_by_role("button", name="Cancel").click()
    on_problem(page, 1)
    expect(page.locator("#save")).to_have_text("1 not accepted")
    page.get_by_role("button", name="Open next task").click()
    question.get_by_role("button", name="Discard").click()
    on_problem(page, 2)
    saved(page)


def test_the_reference_may_be_doubted_once(open_desk: Open, site: Web) -> None:
    work = Work(2)
    work.ask("UPDATE solution SET verdict = 'incorrect', final_answer = '5' RETURNING id")
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 3 3 Enter")
    dialog = page.locator("#reference-verdict")
    expect(dialog).to_contain_text("The reference says 4; this solution says 5")
    press(page, "Enter")  # the safe choice is the first: look again
    expect(dialog).not_to_be_visible()
    press(page, "Enter")
    dialog.get_by_role("button", name="reference is wrong").click()
    on_problem(page, 2)
    saved(page)
    assert work.ask("SELECT reference_verdict FROM assignment WHERE state = 'submitted'") == [("incorrect",)]


@pytest.mark.parametrize(
    ("key", "dialog", "reason"), [("b", "bad_problem", "four or more"), ("g", "give_up", "take too long")]
)
def test_leaving_needs_a_reason(open_desk: Open, site: Web, key: str, dialog: str, reason: str) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, key)
    question = page.locator(f"#{dialog}")
    question.get_by_role("button", name="ubmit" if key == "b" else "Give up").click()
    expect(question).to_contain_text("Select a reason")
    question.get_by_text(reason).click()
    press(page, "Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    ((stored, comment),) = work.ask("SELECT finish_reason, comment FROM assignment WHERE state = 'submitted'")
    assert stored == dialog
    assert reason in comment


def test_the_step_is_in_sight_above_the_controls(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1, STEPS * 8), width=390, has_touch=True, is_mobile=True, reduced_motion="reduce")
    on_problem(page, 1)
    for number in range(2, 25):
        page.tap(".face.positive")
        on_step(page, number)
        comes_true(
            page,
            """() => {
                const box = (one) => document.querySelector(one).getBoundingClientRect();
                return box(".step.current").bottom <= box("#controls").top
                    && box(".step.current").top >= box(".problem").bottom;
            }""",
        )


def test_by_touch_on_a_phone(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work, has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": 390, "height": 844})
    on_problem(page, 1)
    page.tap(".face.positive")
    page.tap(".face.neutral")
    on_step(page, 3)
    for button in page.locator(".controls button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 40
        assert box["y"] > 844 * 0.6  # within reach of the thumb
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap(".face.negative")
    page.tap(".controls [data-do=submit]")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, 0, -1])]


def test_money_is_no_mathematics(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1, ("$5 and $10 are money; $x^2$ is not.",)))
    money = page.locator(".step .text")
    expect(money).to_contain_text("$5 and $10 are money;")
    expect(money.locator(".katex")).to_have_count(1)


def test_own_keys(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    page.goto(f"{site.url}/account/keys")
    page.get_by_label("Positive").fill("W")
    page.get_by_label("Negative", exact=True).fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Shortcuts saved.")).to_be_visible()
    page.goto(f"{site.url}/projects/pilot/desk")
    on_problem(page, 1)
    expect(page.locator(".face.positive kbd")).to_have_text("w")
    press(page, "1 w 3")  # 1 does nothing any more
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 2")
    press(page, "Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, -1])]
