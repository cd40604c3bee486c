"""What the server does not accept: it is shown with what differs, stays until the labeler decides, never
counts as saving, and its task cannot be submitted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Web, Work, next_is_here, on_problem, on_step, press, saved

Open = Callable[..., Page]


def refuse(page: Page, pattern: str, status: int, message: str = "This is not accepted.") -> None:
    """As the server would answer, which is never asked."""
    body = json.dumps({"error": "invalid", "message": message, "remedy": "Try again later."})

    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=body)

    page.route(pattern, answer)


def test_two_browsers_see_what_the_other_did_and_no_submission_is_lost(open_desk: Open, site: Web) -> None:
    work = Work(2)
    office, laptop = open_desk(work), open_desk(work)  # nothing is shared but the server
    for page in (office, laptop):
        on_problem(page, 1)
    press(office, "3")
    saved(office)
    press(laptop, "1")  # on a page that does not know of the rating before it
    saved(laptop)
    press(office, "3")
    banner = office.locator("#banner")
    expect(office.locator("#save")).to_have_text("1 not accepted")
    expect(banner).to_contain_text("Step 2 cannot be rated yet")
    expect(banner).to_contain_text("Not accepted: Step 2: positive")
    expect(banner).to_contain_text("Step 1: positive here, negative on the server")
    expect(office.locator("#step-0.negative")).to_be_visible()  # as the server has it

    press(office, "Enter")  # the server's state is complete, but something was not accepted
    expect(office.locator("#announcer")).to_contain_text("Try again or discard them")
    on_problem(office, 1)
    press(office, "ArrowUp 3")  # the first step is right after all
    on_step(office, 2)
    expect(office.locator("#save")).to_have_text("1 not accepted")
    press(office, "3")  # rated anew: nothing is left to decide
    saved(office)
    expect(banner).to_be_hidden()
    press(office, "1 Enter")
    on_problem(office, 2)
    saved(office)
    assert work.submitted() == [("found_error", [1, 1, -1])]

    press(laptop, "Enter")
    expect(laptop.locator("#banner")).to_contain_text("already submitted")
    expect(laptop.locator("#banner")).to_contain_text("Submission: error found")
    assert work.submitted() == [("found_error", [1, 1, -1])]


def test_a_submission_of_what_another_window_changed_comes_back(open_desk: Open, site: Web) -> None:
    work = Work(3)
    office, laptop = open_desk(work), open_desk(work)
    for page in (office, laptop):
        on_problem(page, 1)
    next_is_here(office)
    press(office, "1")
    saved(office)
    press(laptop, "3")  # the same step
    saved(laptop)
    press(office, "Enter")
    on_problem(office, 2)
    banner = office.locator("#banner")
    expect(banner).to_contain_text("The ratings on the server differ")
    expect(banner).to_contain_text("Not accepted: Submission: error found")
    assert work.submitted() == []
    office.get_by_role("button", name="Open that task").click()
    on_problem(office, 1)
    expect(banner).to_contain_text("Step 1: negative here, positive on the server")
    press(office, "ArrowUp 1 Enter")  # the office insists, and knows what it replaces
    on_problem(office, 2)
    saved(office)
    expect(banner).to_be_hidden()
    assert work.submitted() == [("found_error", [-1])]


@pytest.mark.parametrize("status", [404, 409, 422])
def test_a_refusal_stays_and_can_be_tried_again(open_desk: Open, site: Web, status: int) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    next_is_here(page)
    refuse(page, "**/ratings", status)
    press(page, "3 3 1")
    expect(page.locator("#save")).to_have_text("3 not accepted")
    press(page, "Enter")
    on_problem(page, 1)
    expect(page.locator("#banner")).to_contain_text("Step 3: negative")
    page.unroute("**/ratings")
    page.get_by_role("button", name="Try again").click()
    saved(page)
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 3")
    press(page, "Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, 1, -1])]


def test_a_refusal_after_the_submission_brings_the_task_back(open_desk: Open, site: Web) -> None:
    work = Work(3)
    page = open_desk(work)
    on_problem(page, 1)
    next_is_here(page)
    refuse(page, "**/ratings", 422)
    press(page, "1 Enter")  # faster than the answer
    on_problem(page, 2)
    banner = page.locator("#banner")
    expect(banner).to_contain_text("Earlier task “Problem 1")
    expect(banner).to_contain_text("Step 1: negative; Submission: error found")
    expect(page.locator("#save")).to_have_text("2 not accepted")
    page.unroute("**/ratings")
    press(page, "3")  # work on the next one goes on, and is saved
    expect(page.locator("#save")).to_have_text("2 not accepted")
    page.get_by_role("button", name="Open that task").click()
    on_problem(page, 1)
    expect(page.locator(".step.rated")).to_have_count(0)  # as the server has it
    page.get_by_role("button", name="Try again").click()
    saved(page)
    expect(banner).to_be_hidden()
    on_problem(page, 2)
    expect(page.locator("#step-0.positive")).to_be_visible()
    assert work.submitted() == [("found_error", [-1])]


def test_nothing_is_discarded_without_a_question_that_lists_it(open_desk: Open, site: Web) -> None:
    work = Work(2)
    page = open_desk(work)
    on_problem(page, 1)
    refuse(page, "**/ratings", 422)
    refuse(page, "**/notes", 422)
    press(page, "3 n")
    page.keyboard.type("Is this allowed?")
    press(page, "Control+Enter")
    expect(page.locator("#save")).to_have_text("2 not accepted")
    page.reload()  # neither a reload nor a question that was closed drops anything
    on_problem(page, 1)
    expect(page.locator("#save")).to_have_text("2 not accepted")
    page.get_by_role("button", name="Discard…").click()
    question = page.locator("#discard")
    expect(question.locator("li")).to_have_text(["Step 1: positive", "Note on Step 2: “Is this allowed?”"])
    press(page, "Escape")
    expect(page.locator("#save")).to_have_text("2 not accepted")
    page.unroute("**/ratings")
    page.unroute("**/notes")
    page.get_by_role("button", name="Discard…").click()
    question.get_by_role("button", name="Discard").click()
    saved(page)
    expect(page.locator("#banner")).to_be_hidden()
    on_problem(page, 1)
    expect(page.locator(".step.rated")).to_have_count(0)
    assert work.ask("SELECT count(*) FROM rating_event") == [(0,)]
    press(page, "1 Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [-1])]


def test_signed_out_says_so_at_once_with_a_way_back(open_desk: Open, site: Web) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    work.ask("DELETE FROM user_session RETURNING 1")
    press(page, "3")
    expect(page.locator("#banner")).to_contain_text("You are signed out.")
    expect(page.locator("#save")).to_have_text("Signed out: 1 unsent")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.url}/login?next=%2Fprojects%2Fpilot%2Fdesk")


def test_a_submission_that_never_left_the_browser_is_undone_there(open_desk: Open, site: Web) -> None:
    work = Work(3)
    page = open_desk(work)
    on_problem(page, 1)
    next_is_here(page)
    page.context.set_offline(True)
    press(page, "3 1 Enter")
    on_problem(page, 2)
    press(page, "u")
    on_problem(page, 1)
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 2")
    expect(page.locator("#save")).to_have_text("Offline: 2 unsent")
    press(page, "u 3 3 Enter")  # the second step is right after all
    on_problem(page, 2)
    press(page, "1")
    page.context.set_offline(False)
    saved(page)
    assert work.submitted() == [("solution", [1, 1, 1])]
    on_problem(page, 2)
    expect(page.locator("#step-0.negative")).to_be_visible()
