"""How the mathematics of public texts is shown: texts with a formula that stays as its source, and formulas
between dollars in GSM8K, whose dollars are money.

    PYTHONPATH=. python -m bench.mathematics --data FOLDER [--show 40]

FOLDER holds `gsm8k/`, `math/`, `processbench/` and `solutions/` as docs/formats.md names their files.
The texts are drawn by the desk's own scripts in Chromium."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, sync_playwright

from tests.browser.chromium import ARGUMENTS, find_chromium

STATIC = Path(__file__).parent.parent / "static"
ORIGIN = "http://stepmark.test"
PAGE = """<!doctype html><meta charset="utf-8">
<link rel="stylesheet" href="/static/vendor/katex/katex.min.css">
<script src="/static/vendor/katex/katex.min.js"></script><div class="math-text" id="place"></div>"""
DRAW = """async (texts) => {
    const { renderMath } = await import("/static/math.js");
    const { split } = await import("/static/math-delimiters.js");
    const place = document.getElementById("place");
    return texts.map((text) => {
        renderMath(place, text);
        const sources = [...place.querySelectorAll(".math.source")].map((span) => span.textContent);
        const dollars = split(text).filter(({ source }) => source?.startsWith("$"));
        return { sources, dollars: dollars.map(({ source }) => source) };
    });
}"""
BATCH = 500


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as lines:
        yield from map(json.loads, lines)


def gsm8k_texts(data: Path) -> Iterator[str]:
    for name in ("train", "test"):
        for row in read_lines(data / "gsm8k" / f"{name}.jsonl"):
            yield from (row["question"], row["answer"])
    for row in read_lines(data / "gsm8k" / "example_model_solutions.jsonl"):
        for field in row.values():
            if isinstance(field, dict):
                yield from field["solution"].split("\n")


def math_texts(data: Path) -> Iterator[str]:
    for row in read_lines(data / "math" / "test500.jsonl"):
        yield from (row["problem"], row["solution"])
    for row in json.loads((data / "processbench" / "math.json").read_text()):
        yield from (row["problem"], *row["steps"])
    for row in read_lines(data / "solutions" / "math_cot_100.jsonl"):
        yield from row["code"]


def draw(page: Page, texts: list[str]) -> list[dict[str, list[str]]]:
    drawn: list[dict[str, list[str]]] = []
    for start in range(0, len(texts), BATCH):
        drawn += page.evaluate(DRAW, texts[start : start + BATCH])
    return drawn


def serve(route: Route) -> None:
    path = route.request.url.removeprefix(f"{ORIGIN}/static/")
    if path == f"{ORIGIN}/":
        route.fulfill(body=PAGE, content_type="text/html")
    else:
        route.fulfill(path=STATIC / path)


def report(page: Page, name: str, texts: list[str], show: int) -> None:
    drawn = draw(page, texts)
    dollars = [source for text in drawn for source in text["dollars"]]
    fallen = [text["sources"] for text in drawn if text["sources"]]
    print(
        f"{name}: {len(texts)} texts, {len(dollars)} formulas between dollars,"
        f" {len(fallen)} texts with a formula that stays as its source"
    )
    for source in [source for sources in fallen for source in sources][:show]:
        print("  ", source.replace("\n", " ")[:160])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", type=int, default=0)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page()
        page.route("**/*", serve)
        page.goto(f"{ORIGIN}/")
        report(page, "GSM8K", list(gsm8k_texts(arguments.data)), arguments.show)
        report(page, "Mathematics", list(math_texts(arguments.data)), arguments.show)
        browser.close()


if __name__ == "__main__":
    main()
