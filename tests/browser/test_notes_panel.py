"""What stands beside the task, by keyboard: undo across a submission, instructions, notes, the
history, what came back, and a word about pauses."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from app.accounts.models import User
from app.core.db import transaction
from app.labeling import returns
from app.labeling.models import Assignment
from app.projects import instructions
from app.projects.models import Project
from tests.browser.conftest import Web, Work, on_problem, on_step, press, saved
from tests.factories import base as factories

Open = Callable[..., Page]


def test_undo_across_a_submission_by_key_also_after_a_reload(open_desk: Open) -> None:
    work = Work(3)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 2 3 Enter")
    on_problem(page, 2)
    saved(page)
    page.reload()
    on_problem(page, 2)
    press(page, "u")
    on_problem(page, 1)
    expect(page.locator("#missing")).to_have_text("Submit: no error")
    press(page, "u 1")  # the last step is bad after all
    saved(page)
    assert work.submitted() == []
    press(page, "Enter")
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("found_error", [1, 0, -1])]
    assert work.ask("SELECT reopen_reason, outcome, labels->2->'ratings'->0 FROM previous_submission") == [
        ("undone", "replaced", 1)
    ]
    assert work.ask("SELECT count(*) FROM rating_event") == [(5,)]
    # the third is reserved once the second is shown
    work.comes_to("SELECT assigned_count FROM task ORDER BY id", [(1,), (1,), (1,)])


def test_instructions_open_by_key_and_are_known_to_be_read(open_desk: Open) -> None:
    work = Work(2)
    with transaction() as db:
        project = db.get(Project, work.project)
        assert project
        instructions.publish_version(db, project, "## Rules\n\nA slip is *fine*: $x^2$.", None)
        who = db.get(User, work.who)
        assert who
        instructions.acknowledge_version(db, project, who, 1)
        instructions.publish_version(db, project, "## Rules\n\nA slip is *not* fine: $x^2$.", None)
    page = open_desk(work)
    on_problem(page, 1)
    expect(page.locator("#unread")).to_contain_text("The instructions have changed")
    press(page, "i")
    panel = page.get_by_role("complementary", name="Instructions")
    expect(panel.locator("ins")).to_contain_text("A slip is *not* fine")
    expect(panel.locator(".prose .katex").first).to_be_visible()
    expect(page.locator("#unread")).to_have_count(0)
    press(page, "3")  # work goes on beside it
    on_step(page, 2)
    press(page, "Escape")
    expect(panel).to_be_hidden()
    press(page, "3")
    on_step(page, 3)
    saved(page)
    page.reload()
    on_problem(page, 1)
    expect(page.locator("#unread")).to_have_count(0)
    assert work.ask("SELECT instructions_version FROM assignment WHERE state = 'leased'") == [(2,)]


def test_a_note_survives_the_network_and_a_reload(open_desk: Open) -> None:
    work = Work(1)
    page = open_desk(work)
    on_problem(page, 1)
    page.context.set_offline(True)
    press(page, "3 n")
    page.keyboard.type("Is 0 allowed? <b>")
    press(page, "Control+Enter")
    expect(page.locator("#step-1 .note")).to_have_text("Is 0 allowed? <b>")
    page.context.set_offline(False)
    saved(page)
    page.reload()
    expect(page.locator("#step-1 .note")).to_have_text("Is 0 allowed? <b>")
    assert work.ask("SELECT position, text FROM step_note") == [(1, "Is 0 allowed? <b>")]


def test_what_came_back_is_first_and_the_history_finds_it(open_desk: Open, site: Web) -> None:
    work = Work(3)
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3 3 1 Enter")
    on_problem(page, 2)
    saved(page)
    with transaction() as db:
        project = db.get(Project, work.project)
        boss = factories.member(db, project, "researcher")
        first = db.query(Assignment).filter_by(state="submitted").one()
        returns.return_submission(
            db, project, first.id, boss, "Is step 3 really wrong?", dt.datetime.now(dt.UTC)
        )
    page.goto(f"{site.url}/projects/pilot/history")
    expect(page.get_by_role("region", name="1 returned to you")).to_contain_text("Is step 3 really wrong?")
    page.get_by_label("Search problem").fill("zebra")
    press(page, "Enter")
    expect(page.get_by_text("No submissions found")).to_be_visible()
    page.get_by_label("Search problem").fill("problem 1")
    press(page, "Enter")
    expect(page.locator(".history li")).to_have_count(1)

    page.goto(f"{site.url}/projects/pilot/desk")
    on_problem(page, 2)  # what lies on the desk is finished first
    press(page, "3 3 3 Enter")
    on_problem(page, 1)
    expect(page.locator("#banner")).to_contain_text("Is step 3 really wrong?")
    saved(page)
    assert work.ask("SELECT count(*) FROM step_label") == [(6,)]
    press(page, "u 3 Enter")
    on_problem(page, 3)
    saved(page)
    assert work.submitted() == [("solution", [1, 1, 1]), ("solution", [1, 1, 1])]
    page.goto(f"{site.url}/projects/pilot/history")
    expect(page.locator(".returned-list")).to_have_count(0)
    page.get_by_role("link", name=re.compile("Problem 1")).click()
    expect(page.locator(".previous-submissions")).to_contain_text("Error found")


def test_a_pause_is_suggested_and_put_away(open_desk: Open) -> None:
    work = Work(2)
    work.ask(f"UPDATE project SET break_reminder_minutes = 1 WHERE id = {work.project} RETURNING 1")
    page = open_desk(work)
    on_problem(page, 1)
    page.clock.install()  # its time begins at 0, so that the page sees a clock that went back
    press(page, "3")
    for _ in range(4):
        page.clock.run_for(20000)
        press(page, "j")
    press(page, "3")
    line = page.get_by_role("status").filter(has_text="Consider a break")
    expect(line).to_be_visible()
    press(page, "3 Enter")  # the line is in nobody's way
    on_problem(page, 2)
    saved(page)
    assert work.submitted() == [("solution", [1, 1, 1])]
    line.get_by_role("button").click()
    expect(line).to_be_hidden()


def test_a_reload_is_no_pause(open_desk: Open) -> None:
    work = Work(2)
    work.ask(f"UPDATE project SET break_reminder_minutes = 1 WHERE id = {work.project} RETURNING 1")
    page = open_desk(work)
    on_problem(page, 1)
    press(page, "3")
    on_step(page, 2)
    storage_key = f"localStorage['stepmark:{work.who}:worked']"
    before = page.evaluate(f"JSON.parse({storage_key})")
    assert before["active"] > 0
    # as after 59 more seconds of work: waiting for them would test nothing more
    page.evaluate(
        f"{storage_key} = JSON.stringify({{ active: {before['active']} + 59999, last: Date.now() }})"
    )
    saved(page)
    page.reload()
    on_problem(page, 1)
    line = page.get_by_role("status").filter(has_text="Consider a break")
    expect(line).to_be_hidden()
    press(page, "3")
    expect(line).to_contain_text("You have been labeling for 1 minutes.")
    line.get_by_role("button").click()
    expect(line).to_be_hidden()
    saved(page)
    page.reload()
    on_problem(page, 1)
    press(page, "3")
    expect(page.locator("#missing")).to_have_text("Submit: no error")
    expect(line).to_be_hidden()
