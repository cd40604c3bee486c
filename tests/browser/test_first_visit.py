"""A newcomer reads what their mode asks and that a screening has begun. Help fits its window, and the
current step and its flag can be seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.core.db import transaction
from app.labeling.models import ControlAnswer, Task
from app.modes import MODES
from app.projects.models import Project
from tests.browser.conftest import STEPS, Web, Work, on_problem, on_step, press, saved

Open = Callable[..., Page]


@pytest.mark.parametrize("mode", list(MODES))
def test_the_first_visit_says_what_the_mode_asks(open_desk: Open, site: Web, mode: str) -> None:
    work = Work(2)
    work.ask(f"UPDATE project SET mode = '{mode}' RETURNING 1")
    page = open_desk(work)
    on_problem(page, 1)
    introduction = page.get_by_role("region", name="Before you start")
    expect(introduction).to_contain_text(MODES[mode].guide)
    expect(introduction).not_to_contain_text("Screening")
    expect(page.locator(".step.current")).to_be_in_viewport()
    introduction.get_by_role("button", name="Start").click()
    expect(introduction).to_be_hidden()
    expect(page.locator(".step.current")).to_be_focused()
    page.reload()
    on_problem(page, 1)
    expect(introduction).to_be_hidden()
    press(page, "?")
    expect(page.locator("#help")).to_contain_text(MODES[mode].guide)


def test_the_introduction_ends_with_the_first_submission(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(2))
    on_problem(page, 1)
    introduction = page.get_by_role("region", name="Before you start")
    expect(introduction).to_be_visible()
    press(page, "1 Enter")
    on_problem(page, 2)
    expect(introduction).to_be_hidden()
    saved(page)
    page.reload()
    on_problem(page, 2)
    expect(introduction).to_have_count(0)


def test_a_screening_is_announced(open_desk: Open, site: Web) -> None:
    work = Work(2)
    with transaction() as db:
        task = db.query(Task).order_by(Task.id).first()
        project = db.get(Project, work.project)
        assert task
        assert project
        task.kind, task.overlap, project.screening_threshold = "screening", 9, 0.8
        db.add(ControlAnswer(task_id=task.id, ratings=[1, -1], source="adjudicated"))
    page = open_desk(work)
    on_problem(page, 1)
    introduction = page.get_by_role("region", name="Before you start")
    expect(introduction).to_contain_text("Screening comes first: 1 task with known ratings.")
    expect(introduction).to_contain_text("at least 80% of them are correct")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1280, 640), (390, 844), (844, 390)])
def test_help_fits_its_window(open_desk: Open, site: Web, width: int, height: int) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    page.set_viewport_size({"width": width, "height": height})
    press(page, "?")
    box = page.locator("#help").bounding_box()
    assert box
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= height
    page.locator("#help .actions button").scroll_into_view_if_needed()
    expect(page.locator("#help .actions button")).to_be_in_viewport(ratio=1)
    if (width, height) == (1280, 800):
        assert page.locator("#help").evaluate("(dialog) => dialog.scrollHeight <= dialog.clientHeight")


def test_a_step_that_shows_nothing_says_so(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1, ("So it is.", "\u200b\u00a0\u00ad", "It is 4.")))
    on_problem(page, 1)
    blank = page.locator("#step-1 .text").evaluate("(text) => getComputedStyle(text, '::after').content")
    assert blank == '"This step shows nothing."'
    assert page.locator("#step-0 .text").evaluate("(t) => getComputedStyle(t, '::after').content") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_flag_on_a_rated_step_can_be_seen(open_desk: Open, site: Web, scheme: str) -> None:
    page = open_desk(Work(1), color_scheme=scheme)
    on_problem(page, 1)
    press(page, "f ArrowUp 3")
    flag = page.locator("#step-0 .verdict svg").last
    expect(flag).to_be_visible()
    stroke, card = flag.evaluate(
        """(svg) => [svg.querySelector("use"), document.querySelector(".problem")].map((element, at) =>
            at ? getComputedStyle(element).backgroundColor
               : getComputedStyle(element).getPropertyValue("--cut") || "none")"""
    )
    assert stroke.strip() in ("currentColor", "currentcolor")
    assert flag.evaluate("(svg) => getComputedStyle(svg).color") != card


@pytest.mark.parametrize("width", [1280, 390])
def test_the_current_step_stays_at_a_third_of_the_room(open_desk: Open, site: Web, width: int) -> None:
    page = open_desk(Work(1, STEPS * 12), width=width)
    on_problem(page, 1)
    tops = []
    for number in range(2, 30):
        press(page, "3")
        on_step(page, number)
        box = page.locator(".step.current").bounding_box()
        assert box
        if number > 15:
            tops.append(box["y"])
    assert max(tops) - min(tops) < 3
    assert 150 < tops[0] < 420


def test_a_tall_step_is_read_from_its_top(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1, ("So it is.", "This goes on and on. " * 300, "It is 4.")))
    on_problem(page, 1)
    for keys in ("3", "3 ArrowUp"):
        press(page, keys)
        on_step(page, 2)
        box = page.locator(".step.current").bounding_box()
        assert box
        assert 30 < box["y"] < 120
