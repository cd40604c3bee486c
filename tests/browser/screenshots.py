"""Pictures of every screen, to be looked at: `python -m tests.browser.screenshots FOLDER [WORDS ...]`.

Light and dark, at a desk and on a phone, of a project with one of everything (everything.py) on a
database of its own. WORDS: only screens whose name holds one of them."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from playwright.sync_api import BrowserContext, Page, sync_playwright

from app.accounts.access import cookie_name
from app.core import db as core_db
from app.core.migrate import upgrade_schema
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.conftest import Web
from tests.browser.seeded_site import Everything
from tests.conftest import forget, named, postgres
from tests.route_table import routes

SHAPES = {
    "light": ("light", 1440),
    "dark": ("dark", 1440),
    "phone": ("light", 390),
    "phone-dark": ("dark", 390),
}
FILES = re.compile(r"/api/|\{plot\}|\{form\}|/progress|/live|jsonl|openapi|z$|/curve|\.json")
Act = Callable[[Page], object]


def keys(*pressed: str) -> Act:
    def press(page: Page) -> None:
        page.wait_for_selector(".step, .empty")
        for key in pressed:
            page.keyboard.press(key)
        page.wait_for_timeout(300)

    return press


DESKS: dict[str, tuple[str, Act]] = {
    "desk": ("first_error", keys()),
    "desk-rated": ("first_error", keys("3", "2", "3", "1")),
    "desk-source": ("first_error", keys("s")),
    "desk-help": ("first_error", keys("?")),
    "desk-instructions": ("first_error", keys("i")),
    "desk-note": ("first_error", keys("n")),
    "desk-bad-problem": ("first_error", keys("b")),
    "desk-give-up": ("first_error", keys("g")),
    "desk-every-step": ("every_step", keys("3", "3", "3", "1", "3")),
    "desk-doubt": ("every_step", keys("3", "3", "3", "3", "3", "Enter")),
    "desk-alternatives": ("alternatives", keys("3", "c", "3", "c", "2", "c", "1", "3", "2")),
    "desk-all-wrong": ("alternatives", keys("3", "c", "3", "c", "2", "c", "1", "1", "1")),
}
"""Keys pressed on the task with alternatives, by the mode of the project."""


def screens(site_data: Everything) -> Iterator[tuple[str, str, str, Act]]:
    """Name, address, mode, and what is done there."""
    yield "login", "/login", "", lambda _: None
    for method, route, _ in routes():
        if method != "GET" or FILES.search(route) or route == "/login" or route.endswith("/desk"):
            continue
        for number, address in enumerate(site_data.places(route)):
            name = re.sub(r"[^a-z]+", "-", route.replace("/projects/{slug}", "project")).strip("-") or "home"
            yield f"{name}{number or ''}", address, "", lambda _: None
    for name, (mode, act) in DESKS.items():
        yield name, "/projects/pilot/desk", mode, act


def take(context: BrowserContext, url: str, name: str, act: Act, file: Path) -> None:
    page = context.new_page()
    page.on("pageerror", lambda error: print(f"{name}: {error}", file=sys.stderr))
    page.goto(url, wait_until="load")
    act(page)
    page.wait_for_load_state("networkidle")
    room = page.viewport_size or {"width": 1440}
    if page.evaluate("document.documentElement.scrollWidth") > room["width"]:
        print(f"{name}: scrolls sideways at {room['width']}", file=sys.stderr)
    page.screenshot(path=file, full_page=not name.startswith("desk"))
    page.evaluate("localStorage.clear()")
    page.close()


def pictures(site: Web, folder: Path, filters: list[str]) -> None:
    site_data = Everything()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for shape, (scheme, width) in SHAPES.items():
            size = {"width": width, "height": 844 if width < 500 else 900}
            touch = {"has_touch": width < 500, "is_mobile": width < 500}
            context = browser.new_context(
                viewport=size,
                color_scheme=scheme,
                reduced_motion="reduce",
                **touch,  # type: ignore[arg-type]
            )
            signed_in = [{"name": cookie_name(), "value": site_data.token, "url": site.url}]
            for name, address, mode, act in screens(site_data):
                if filters and not any(word in name for word in filters):
                    continue
                context.clear_cookies()
                if name != "login":
                    context.add_cookies(signed_in)  # type: ignore[arg-type]
                if mode:
                    site_data.anew(mode)
                take(context, site.url + address, name, act, folder / f"{name}.{shape}.png")
            context.close()


def main() -> int:
    folder, filters = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    with postgres() as server, psycopg.connect(server, autocommit=True) as admin:
        name = f"stepmark_screens_{os.getpid()}"
        admin.execute(f'CREATE DATABASE "{name}"')
        os.environ |= {"DATABASE_URL": named(server, name), "STEPMARK_HOME": tempfile.mkdtemp()}
        forget()
        upgrade_schema(core_db.engine())
        site = Web(folder / "web.log")
        try:
            pictures(site, folder, filters)
        finally:
            site.kill()
            core_db.engine().dispose()
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    return 0


if __name__ == "__main__":
    sys.exit(main())
