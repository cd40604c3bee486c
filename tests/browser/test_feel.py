"""How the desk feels, in frames, shifts and bytes, which a slow machine does not change:
the mark and the next solution come with the next frame, nothing jumps, the page is light."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Page, Route

from tests.browser.conftest import STEPS, Web, Work, comes_true, next_is_here, on_problem, on_step, saved

Open = Callable[..., Page]
MATHS = (
    "We have $\\frac{a^2 + b^2}{\\sqrt{c}}$, so $$\\sum_{i=1}^n i^2 = \\frac{n(n+1)(2n+1)}{6}.$$ Then",
    "\\[\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} \\begin{pmatrix} x \\\\ y \\end{pmatrix} = 0\\]",
    "The answer is \\boxed{4}, as $\\mathcal{L} \\subset \\mathbb{R}$ and $\\mathfrak{g} = \\mathsf{h}$.",
)
LATENCY_MS = 2000
JUMP = 0.005  # a line of text coming in above the steps moves them by more than 0.02

OBSERVE = """new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries())
        (window.shifts ??= []).push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80))]);
}).observe({ type: "layout-shift", buffered: true });"""
FRAMES = """([key, selector, words]) => {
    window.took = new Promise((done) => addEventListener("keydown", (event) => {
        let frames = 0;
        const look = () => {
            frames += 1;
            const there = document.querySelector(selector);
            if (there?.textContent.includes(words)) return done([frames, performance.now()]);
            if (frames < 600) requestAnimationFrame(look);
            else done([frames, performance.now()]);
        };
        if (event.key === key) requestAnimationFrame(look);
    }, { capture: true, once: true }));
    void 0;
}"""  # a callback of the first frame after the key runs before that frame is painted
ANSWERED = """(path) => performance.getEntriesByType("resource")
    .filter(({ name }) => name.includes(path) && !name.endsWith(".js"))
    .map(({ responseEnd, duration }) => [responseEnd, duration])"""


def far_away(page: Page) -> CDPSession:
    """The server two seconds away."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    rates = {"downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, **rates})
    return session


def frames_until(page: Page, key: str, selector: str, text: str = "") -> tuple[int, float]:
    """How many frames after the key it shows, and when."""
    page.evaluate(FRAMES, [key, selector, text])
    page.keyboard.press(key)
    frames, at = page.evaluate("window.took")
    return int(frames), float(at)


def test_mark_and_next_solution_come_with_the_next_frame(open_desk: Open, site: Web) -> None:
    work = Work(3, MATHS)
    page = open_desk(work)
    on_problem(page, 1)
    saved(page)
    next_is_here(page)
    session = far_away(page)
    frames, at = frames_until(page, "3", "#step-0.positive .mini.positive[aria-pressed=true]")
    assert frames == 1
    on_step(page, 2)
    saved(page)
    [(answered, lasted)] = page.evaluate(ANSWERED, "/ratings")
    assert lasted > 0.9 * LATENCY_MS  # the network was as slow as said
    assert at < answered

    frames, _ = frames_until(page, "1", "#missing", "Submit: first error at step 2")
    assert frames == 1
    saved(page)
    page.evaluate("performance.clearResourceTimings()")
    frames, at = frames_until(page, "Enter", ".statement", "Problem 2:")
    assert frames == 1
    assert page.evaluate(ANSWERED, "/projects/") == []  # nothing was asked for and waited for
    on_step(page, 1)
    assert page.locator(".step .katex").count() > 5
    session.detach()
    saved(page)
    assert [reason for reason, _ in work.submitted()] == ["found_error"]


def watched(page: Page) -> None:
    """Shifts are counted from the first, and the fonts come late."""

    def late(route: Route) -> None:
        time.sleep(0.1)
        route.continue_()

    page.add_init_script(OBSERVE)
    page.route("**/fonts/*", late)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_jumps_when_mathematics_is_drawn(open_desk: Open, site: Web, width: int) -> None:
    """Also where the fonts come late. The next solution comes by a click of a script: what moves
    then was not asked for by a person's input, and every entry counts, early or late."""
    work = Work(2, MATHS * 5)
    page = open_desk(work, prepare=watched, width=width)
    on_problem(page, 1)
    next_is_here(page)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready.then(() => {})")
    moved = page.evaluate("window.shifts ?? []")
    assert page.locator(".step .katex-display").count() > 5
    assert sum(entry[0] for entry in moved) < JUMP, moved

    page.get_by_role("button", name="Start").click()  # it makes room, as asked
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    page.evaluate("window.shifts = []; document.querySelector('#step-0 .mini.negative').click()")
    saved(page)
    page.evaluate("document.querySelector('.controls [data-do=submit]').click()")
    on_problem(page, 2)
    saved(page)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    moved = page.evaluate("window.shifts")
    assert sum(entry[0] for entry in moved) < JUMP, moved


def test_a_jump_would_be_seen(open_desk: Open, site: Web) -> None:
    page = open_desk(Work(1, STEPS * 3), prepare=watched)
    on_problem(page, 1)
    page.evaluate("document.querySelector('.steps').prepend(document.createElement('textarea'))")
    comes_true(page, "(window.shifts ?? []).some(([value]) => value > 0.02)")


def test_the_page_is_light(open_desk: Open, site: Web) -> None:
    """Bytes as they came over the wire, of everything but the fonts, in a browser that has nothing."""
    weights: dict[str, float] = {}
    names: dict[str, str] = {}

    def watch(page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on(
            "Network.responseReceived",
            lambda event: names.update({event["requestId"]: event["response"]["url"]}),
        )
        session.on(
            "Network.loadingFinished",
            lambda event: weights.update({names[event["requestId"]]: event["encodedDataLength"]}),
        )

    page = open_desk(Work(3, MATHS), prepare=watch)
    on_problem(page, 1)
    next_is_here(page)
    page.wait_for_load_state("networkidle")
    fonts = {name for name in weights if "/fonts/" in name}
    loaded = {name.removeprefix(site.url): weight for name, weight in weights.items() if name not in fonts}
    assert {
        "/projects/pilot/desk",
        "/static/desk/main.js",
        "/static/vendor/katex/katex.min.js",
    } <= loaded.keys()
    assert 50 * 1024 < sum(loaded.values()) < 300 * 1024, loaded
