"""axe-core (tests/browser/axe, MPL-2.0, unchanged) finds nothing wrong on any page, light and dark.

The pages are the app's own GET routes that need no more than a project, read from the router,
so that a new page is looked at without being named here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from app.accounts.access import cookie_name
from app.core.db import transaction
from tests.accounts.test_routes import routes
from tests.browser.conftest import STEPS, Web, Work

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
WIDE = f"So $\\frac{{{' + '.join(f'x_{{{at}}}' for at in range(60))}}}{{2}}$."  # nothing breaks it
RUN = """async (only) => {
    const found = await axe.run(document, { resultTypes: ["violations"], ...(only && { runOnly: only }) });
    return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 2)}`);
}"""


def pages() -> list[str]:
    """Paths with the project filled in; those of other objects, files and JSON left out."""
    paths = {path.replace("{slug}", "pilot") for method, path, _ in routes() if method == "GET"}
    fits = re.compile(r"^/(?!api/|static|docs|openapi|health|ready|live|metrics)[^{.]*$")
    return sorted(path for path in paths if fits.match(path))


def wrong_on(page: Page) -> list[str]:
    """Every rule in light; in dark only contrast again, as nothing else depends on the scheme."""
    page.emulate_media(color_scheme="light")
    page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN)
    page.emulate_media(color_scheme="dark")
    return found + [f"dark {one}" for one in page.evaluate(RUN, ["color-contrast"])]


@pytest.mark.parametrize("role", ["admin", "labeler"])
def test_axe_finds_nothing(browser: Browser, site: Web, role: str) -> None:
    work = Work(1, (*STEPS[:2], WIDE))
    if role == "admin":
        with transaction() as db:
            db.execute(text("UPDATE user_account SET is_admin = true"))
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    context.add_cookies([{"name": cookie_name(), "value": work.token, "url": site.url}])
    page = context.new_page()
    found: dict[str, list[str]] = {}
    looked = set()
    for path in pages():
        answer = context.request.get(site.url + path)
        if not answer.ok or not answer.text().startswith("<!doctype html>") or answer.url in looked:
            continue  # refused to this role, a file, a part that is looked at in its page, or seen
        looked.add(answer.url)
        page.goto(answer.url)
        if answer.url.endswith("/desk"):
            page.wait_for_selector(".math[tabindex]")  # the wide formula scrolls, and is reached by Tab
            assert page.locator(".math[tabindex]").count() == 1
        if wrong := wrong_on(page):
            found[path] = wrong
    context.close()
    assert found == {}
    assert len(looked) >= (12 if role == "admin" else 4), looked
