"""The labeling rules of the browser give the results of the shared vectors (tests/vectors/labeling.json),
in the modules that the desk loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from app.labeling.desk_payload import task_to_json
from tests.browser.conftest import Work, on_problem
from tests.labeling.vectors import load_vectors

Open = Callable[..., Page]
REPLAY = """async (vectors) => {
    const { createState } = await import("/static/desk/modes.js");
    return vectors.map(({ task, steps, alternatives, events }) => {
        const state = createState({
            assignment: { id: 1 }, task, steps: Array(steps).fill("So it is."), alternatives, ratings: [],
        });
        return events.map((event) => {
            const allowed = state.allows(event);
            if (allowed) state.applyEvent(event);
            return {
                allowed,
                frontier: state.frontier,
                first_error: state.firstError,
                finish_reason: state.finishReason,
                reached: state.listPlaces(),
                ratings: state.reachedRatings,
                path: state.path ? [...state.path] : null,
            };
        });
    });
}"""


def replay(page: Page, vectors: list[dict[str, Any]]) -> list[Any]:
    tasks = [vector | {"task": task_to_json(vector["mode"])} for vector in vectors]
    results: list[Any] = page.evaluate(REPLAY, tasks)
    return results


def test_the_browser_gives_the_results_of_the_vectors(open_desk: Open) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    vectors = load_vectors()
    results = replay(page, vectors)
    expected = {vector["name"]: vector["results"] for vector in vectors}
    assert dict(zip(expected, results, strict=True)) == expected


def test_a_different_rule_would_be_noticed(open_desk: Open) -> None:
    page = open_desk(Work(1))
    on_problem(page, 1)
    vector = load_vectors()[0]
    assert vector["mode"] == "first_error"
    assert replay(page, [vector | {"mode": "every_step"}]) != [vector["results"]]
