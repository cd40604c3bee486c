"""The lab in a real browser: a search is watched while it grows, its tree is read by keyboard, and
axe-core finds nothing wrong on its pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.accounts import sessions
from app.accounts.access import cookie_name
from app.core.db import transaction
from app.generators.models import Generator
from app.lab import runs, tree_json
from app.lab.models import SearchRun
from app.search.config import SearchConfig
from app.search.expansion import Expansion
from app.search.run_search import SearchResult, run_search
from tests.browser.conftest import Web, empty
from tests.factories import base as factories
from tests.factories import selection as loop
from tests.factories.lab import RESULTS
from tests.search.tabular_world import Chances, Dictionary, Table, classes

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 2)}`)"""
CONFIG = SearchConfig(method="beam", n=4, beam_width=2, aggregate="last")
Opened = Callable[..., Page]


class Lab:
    """A search that was done here, round by round, and curves."""

    def __init__(self) -> None:
        empty()
        self.trees: list[dict[str, Any]] = []
        chances = Chances([0, 0, 1, 2, 0, 1, 0, 1, 0, 1])
        self.found: SearchResult = run_search(
            "?", CONFIG, Dictionary(chances), Table(), classes, self.record_tree
        )
        with transaction() as db:
            project = factories.project(db, "Lab")
            who = factories.member(db, project, "researcher")
            generator = Generator(
                project_id=project.id, name="lm", kind="openai", base_url="http://x/v1", model="m",
                config={"endpoint": "completions"},
            )  # fmt: skip
            db.add(generator)
            model = loop.model(db, project, "prm-1")
            problem = factories.problem(db, project, "What is $2 + 2$?", split="validation")
            db.flush()
            both = {"project_id": project.id, "model_id": model.id, "generator_id": generator.id}
            run = SearchRun(**both, problem_id=problem.id, config=CONFIG.to_json(), state="running")
            results = {**RESULTS, "excluded": {"trained_on": 0}}
            curves = SearchRun(**both, config={"most": 2}, state="succeeded", results=results)
            db.add_all([run, curves])
            db.flush()
            self.run, self.curves = run.id, curves.id
            self.token = sessions.create_session(db, who, now=dt.datetime.now(dt.UTC))

    def record_tree(self, growing: Expansion) -> None:
        self.trees.append(tree_json.tree_to_json(growing.tree))

    def grows(self, to: int) -> None:
        with transaction() as db:
            run = db.get_one(SearchRun, self.run)
            run.tree, run.progress = self.trees[to], {"phase": "searching", "round": to + 1}

    def ends(self) -> None:
        best = self.found.votes[0]
        vote = {"answer": "4", "weight": 1.0, "count": 2, "solutions": best.solutions, "verdict": "correct"}
        results = {
            "chosen": best.solutions[0], "verdict": "correct", "aggregate": "last", "votes": [vote],
            "read_tokens": 9, "seconds": 1, "parameters": 5, "finished": 3,
            "costs": self.found.costs.as_json(),
        }  # fmt: skip
        with transaction() as db:
            runs.succeed(db, self.run, 0, results, tree_json.tree_to_json(self.found.tree, self.found.chosen))


@pytest.fixture
def opened(browser: Browser, site: Web) -> Iterator[tuple[Lab, Opened]]:
    lab, errors = Lab(), []
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": cookie_name(), "value": lab.token, "url": site.url}])

    def page_of(path: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{site.url}/projects/lab/lab{path}")
        return page

    yield lab, page_of
    context.close()
    assert errors == []


def wrong_on(page: Page) -> list[str]:
    violations: list[str] = []
    for scheme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(AXE)
        violations += page.evaluate(RUN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    return violations


def test_a_search_grows_before_ones_eyes(opened: tuple[Lab, Opened]) -> None:
    lab, page_of = opened
    lab.grows(0)
    page = page_of(f"/searches/{lab.run}")
    heading = page.locator("#search h2").first
    expect(heading).to_have_text("Searching, round 1")
    steps = page.locator(".tree .step")
    first = steps.count()
    lab.grows(1)
    expect(heading).to_have_text("Searching, round 2", timeout=15_000)
    assert steps.count() > first
    lab.ends()
    expect(heading).to_have_text("Search succeeded", timeout=15_000)
    expect(page.locator(".step.chosen")).to_have_count(len(list(lab.found.tree.path(lab.found.chosen))))
    folded = page.locator(".tree details").first
    expect(folded.locator("li").first).to_be_hidden()
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(folded.locator("li").first).to_be_visible()
    assert wrong_on(page) == []


def test_axe_finds_nothing_on_the_other_pages(opened: tuple[Lab, Opened]) -> None:
    lab, page_of = opened
    form = page_of("")
    for summary in form.locator("main summary").all():
        summary.click()
    assert wrong_on(form) == []
    curves = page_of(f"/searches/{lab.curves}")
    expect(curves.locator(".u-wrap")).to_have_count(4)
    assert wrong_on(curves) == []
