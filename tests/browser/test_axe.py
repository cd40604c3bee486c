"""axe-core (tests/browser/axe, MPL-2.0, unchanged) finds nothing wrong on any page, light and dark.

The pages are the app's own GET routes with one of everything behind them (everything.py), read from
the router, so that a new page is looked at without being named here; and the desk in its three
modes with every question and panel open."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.accounts.access import cookie_name
from tests.browser.conftest import Web
from tests.browser.seeded_site import Everything, opened
from tests.route_table import routes

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RUN = """async (only) => {
    const found = await axe.run(document, { resultTypes: ["violations"], ...(only && { runOnly: only }) });
    return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 2)}`);
}"""
NOT_MADE = {"token", "search_id", "job_id"}
"""Of the names in routes those that stand for nothing in everything.py: invitations and uploads by
their secret, and the lab's searches, whose pages tests/lab looks at."""


def addresses(site_data: Everything) -> list[str]:
    """Every address of a page; files, JSON and what is no page of its own are passed over later."""
    paths = []
    for method, route, _ in routes():
        if method != "GET" or route.startswith(("/api/", "/static")):
            continue
        assert (
            site_data.places(route)
            or "{plot}" in route
            or "{form}" in route
            or NOT_MADE & {part.strip("{}") for part in route.split("/")}
        ), f"{route}: make one in everything.py"
        paths += site_data.places(route)
    return sorted(paths)


def wrong_on(page: Page) -> list[str]:
    """Every rule in light; in dark only contrast again, as nothing else depends on the scheme."""
    page.emulate_media(color_scheme="light")
    page.evaluate(AXE)
    violations: list[str] = page.evaluate(RUN)
    page.emulate_media(color_scheme="dark")
    return violations + [f"dark {violation}" for violation in page.evaluate(RUN, ["color-contrast"])]


def signed_in(browser: Browser, site: Web, token: str) -> BrowserContext:
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    context.add_cookies([{"name": cookie_name(), "value": token, "url": site.url}])
    return context


@pytest.fixture(scope="module")
def site_data(running: Web) -> Everything:
    return Everything()


@pytest.mark.parametrize("role", ["admin", "labeler"])
def test_axe_finds_nothing_on_any_page(browser: Browser, site: Web, site_data: Everything, role: str) -> None:
    site_data.become(role)
    context = signed_in(browser, site, site_data.token)
    page = context.new_page()
    violations: dict[str, list[str]] = {}
    looked = set()
    for path in addresses(site_data):
        if not opened(page, site.url + path) or page.url in looked:
            continue
        looked.add(page.url)
        page.wait_for_load_state()
        if wrong := wrong_on(page):
            violations[path] = wrong
    context.close()
    assert violations == {}
    assert len(looked) >= (45 if role == "admin" else 8), looked


def test_the_bar_is_one_line_on_a_phone_and_opens_by_key(
    browser: Browser, site: Web, site_data: Everything
) -> None:
    context = signed_in(browser, site, site_data.token)
    page = context.new_page()
    for role in ("labeler", "researcher", "admin"):
        site_data.become(role)
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(f"{site.url}/projects/pilot/history")
            box = page.locator(".bar").bounding_box()
            assert box is not None
            assert box["height"] < 56, f"one line for a {role} at {width}"
            assert page.evaluate("document.documentElement.scrollWidth") == width
        page.set_viewport_size({"width": 390, "height": 844})
        pages = page.get_by_role("button", name="You are in Pilot History")
        desk = page.get_by_role("link", name="Desk", exact=True)
        expect(desk).to_be_hidden()
        pages.focus()
        press(page, "Enter")
        expect(desk).to_be_visible()
        assert wrong_on(page) == []
        press(page, "Tab Tab")
        expect(desk).to_be_focused()
        press(page, "Escape")
        expect(desk).to_be_hidden()
        expect(pages).to_be_focused()
    context.close()


STATES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "first_error": (
        ("", ".step", ""), ("?", "#help[open]", "Escape"), ("n", "#note[open]", "Escape"),
        ("b", "#bad_problem[open]", "Escape"), ("g", "#give_up[open]", "Escape"),
        ("i", "#instructions", "Escape"), ("s", ".as-source", "s"), ("3 1", ".step.rated.negative", ""),
    ),
    "every_step": (("3 3 3 1 3", ".ready", "k 3"), ("Enter", "#reference-verdict[open]", "Escape")),
    "alternatives": (("3 c 3 c 2 c 1 3 2", ".choose", ""), ("k 1 j 1", "#human-text", "")),
}  # fmt: skip
"""By mode: keys to press, what shows then, and keys that put it away. Questions and panels, a first
error, the doubt about the reference, candidates to choose from, a step to write where all are wrong."""


def test_axe_finds_nothing_at_the_desk(browser: Browser, site: Web, site_data: Everything) -> None:
    site_data.become("labeler")
    violations = {}
    for mode, states in STATES.items():
        site_data.anew(mode)
        context = signed_in(browser, site, site_data.token)
        page = context.new_page()
        page.goto(f"{site.url}/projects/pilot/desk")
        page.wait_for_selector(".step .katex")
        for keys, shows, back in states:
            press(page, keys)
            expect(page.locator(shows).locator("visible=true").first).to_be_visible()
            if wrong := wrong_on(page):
                violations[mode, keys] = wrong
            press(page, back)
        context.close()
    assert violations == {}


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)
