"""Which browser the tests drive: one that is there, else the one Playwright installed.

`python -m tests.browser.chromium` prints its path, or fails naming the remedy; the Makefile asks it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
REMEDY = (
    "the browser tests need Chromium or Chrome. Install it with your system "
    "(Debian: `apt-get install chromium`, macOS: `brew install --cask chromium`), "
    "with `playwright install chromium`, "
    "or set STEPMARK_CHROMIUM to its path"
)


def find_chromium() -> str:
    """The path of a browser; raises FileNotFoundError naming the remedy when there is none."""
    path_from_environment = os.environ.get("STEPMARK_CHROMIUM")
    if path_from_environment:
        return path_from_environment
    for name in NAMES:
        executable = shutil.which(name)
        if executable:
            return executable
    for path in (*MAC, playwrights_own()):
        if path and Path(path).is_file():
            return path
    raise FileNotFoundError(REMEDY)


def playwrights_own() -> str | None:
    """Where Playwright keeps the browser it installs itself, whether or not it is there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def main() -> int:
    try:
        print(find_chromium())
    except FileNotFoundError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
