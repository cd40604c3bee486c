"""A lease that ends is announced at once and locks the task. Each act that the message names has a button."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Web, Work, next_is_here, on_problem, press, saved

Open = Callable[..., Page]


def expired(open_desk: Open) -> tuple[Work, Page]:
    """The desk a minute after a lease of one minute began."""
    work = Work(2)
    work.ask("UPDATE project SET lease_minutes = 1 RETURNING 1")
    page = open_desk(work, prepare=lambda page: page.clock.install())
    on_problem(page, 1)
    next_is_here(page)
    press(page, "3")
    saved(page)
    expect(page.locator("#banner")).to_contain_text("Lease expires in 1 minute.")
    page.clock.run_for(61_000)
    expect(page.locator("#banner")).to_contain_text("Your lease has expired.")
    return work, page


def test_an_ended_lease_locks_the_task_until_it_is_claimed_again(open_desk: Open, site: Web) -> None:
    work, page = expired(open_desk)
    press(page, "3 f u Enter")
    expect(page.locator("#announcer")).to_contain_text("locked")
    expect(page.locator(".step.rated")).to_have_count(1)
    expect(page.locator("#missing")).to_have_text("Locked")
    saved(page)
    page.get_by_role("button", name="Claim again").click()
    expect(page.locator("#banner")).to_contain_text("was renewed")
    press(page, "1 Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, -1])]


def test_a_task_that_someone_else_took_leads_to_the_next(open_desk: Open, site: Web) -> None:
    work, page = expired(open_desk)
    work.ask(
        "UPDATE assignment SET state = 'expired', lease_expires_at = NULL WHERE state = 'leased' RETURNING id"
    )
    page.get_by_role("button", name="Claim again").click()
    expect(page.locator("#banner")).to_contain_text("assigned to someone else")
    expect(page.get_by_role("button", name="Claim again")).to_have_count(0)
    page.get_by_role("button", name="Open next task").click()
    on_problem(page, 2)
    expect(page.locator("#banner")).not_to_contain_text("expired")
    press(page, "1 Enter")
    expect(page.locator("#sheet")).to_contain_text("No tasks available")
    saved(page)
    assert work.submitted() == [("found_error", [-1])]
