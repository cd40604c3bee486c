"""Tables, code, wide formulas, very long steps, many steps and scripts that run from right to left:
readable at a desk and on a phone. What is too wide scrolls by itself, never the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Work, comes_true, on_problem, on_step, saved

Open = Callable[..., Page]

TABLE = """Compare the cases:

| case | condition | value of $f(x) = |x - 1|$ | a longer remark on what happens there |
| --- | :---: | ---: | --- |
| 1 | $x < 1$ | $1 - x$ | falls, as the slope of the left branch is negative |
| 2 | $x = 1$ | $0$ | the kink \\| the corner |

So the least value is $0$."""
CODE = """By a program:

```python
def smallest(values: list[int]) -> int:
    if values[0] < values[1]:  # a remark that goes on and on, far over the right edge of any phone
        return "$5 and $6"
```

It prints 0."""
WIDE = f"Hence $$\\frac{{{' + '.join(f'x_{{{at}}}^{{{at}}}' for at in range(80))}}}{{2}} = 0.$$"
MATRIX = f"\\begin{{pmatrix}} {' & '.join(f'a_{{{at}}}' for at in range(60))} \\end{{pmatrix}}"
LONG = ("The sum of the first n numbers is $\\frac{n(n+1)}{2}$, which we use again. " * 150)[:10_000]
WORD = "Pneumono" * 60
ARABIC = "لدينا المعادلة $x^2 = 4$ إذن $x = 2$ وهذا كل شيء."
EMOJI = "So 👩‍👩‍👧‍👦 + 👍🏽 = 🏳️‍🌈, and 日本語 stays: $😀 = 1$."
INDENTED = "a = 1\n    b = 22\n\tc = 333"
STEPS = (TABLE, CODE, WIDE, MATRIX, LONG, WORD, ARABIC, EMOJI, INDENTED)

OUTSIDE = """() => [...document.querySelectorAll(".step")].flatMap((step) => {
    const room = step.querySelector(".text").getBoundingClientRect();
    return [...step.querySelectorAll(".text, .text .block, .text .math")].filter((one) => {
        const box = one.getBoundingClientRect();
        const scrolls = one.scrollWidth > one.clientWidth + 4 && getComputedStyle(one).display !== "inline";
        const reached = one.tabIndex === 0 && one.getAttribute("aria-label")?.startsWith("Wide");
        return box.right > room.right + 4 || box.left < room.left - 4 || scrolls !== Boolean(reached);
    }).map((one) => `${step.id}: ${one.className} ${one.scrollWidth} > ${one.clientWidth}`);
})"""
INK = """(step, words) => {
    const walk = document.createTreeWalker(step, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode()); ) {
        const at = node.data.indexOf(words);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + words.length);
        const [box, room] = [range.getBoundingClientRect(), step.getBoundingClientRect()];
        return [box.left - room.left, room.right - box.right];
    }
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_hard_steps_are_readable(open_desk: Open, width: int) -> None:
    work = Work(1, STEPS, answer="\\frac{1}{2}")
    page = open_desk(work, width=width)
    on_problem(page, 1)
    page.wait_for_load_state("networkidle")
    comes_true(page, f"({OUTSIDE})().length === 0")  # once the fonts are there
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    table = page.locator("#step-0 .block table")
    expect(table.locator("tr")).to_have_count(3)
    expect(table.locator("th").nth(2).locator(".katex")).to_have_count(1)
    expect(table.locator("td").last).to_have_text("the kink | the corner")
    expect(page.locator("#step-0 .text")).to_contain_text("So the least value is")
    code = page.locator("#step-1 pre.block")
    expect(code.locator(".katex")).to_have_count(0)
    assert 'return "$5 and $6"' in (code.text_content() or "")
    assert page.locator("#step-4 .katex").count() > 100
    assert page.locator("#step-2 .math[tabindex='0'], #step-3 .math[tabindex='0']").count() == 2
    from_left, from_right = page.locator("#step-6 .text").evaluate(INK, "لدينا")
    assert from_right < 4 < from_left  # it begins at the right
    depths = [page.locator("#step-8 .text").evaluate(INK, formula)[0] for formula in ("a =", "b =", "c =")]
    assert depths[0] < depths[1]
    assert depths[0] < depths[2]

    page.keyboard.press("s")
    for at, text in enumerate(STEPS):
        assert page.locator(f"#step-{at} .text").text_content() == text
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("s")
    expect(table).to_have_count(1)
    for number in range(len(STEPS)):
        on_step(page, number + 1)
        page.keyboard.press("3")
        comes_true(
            page,
            """() => {
                const [step, bar] = [".step.current", "#controls"].map((one) => document.querySelector(one));
                const [box, hidden] = [step.getBoundingClientRect(), bar.getBoundingClientRect()];
                return box.top < hidden.top && box.bottom > 100; // in sight, clear of the controls
            }""",
        )
    saved(page)


def test_two_hundred_steps(open_desk: Open) -> None:
    steps = tuple(
        f"Step {at} uses $\\frac{{x_{{{at}}}}}{{2}}$ and $$\\sum_{{i=1}}^{{{at}}} i^2.$$" for at in range(200)
    )
    work = Work(1, steps)
    page = open_desk(work)
    on_problem(page, 1)
    expect(page.locator(".step .katex-display")).to_have_count(200)
    page.evaluate(
        """() => { for (let at = 0; at < 199; at++)
            document.dispatchEvent(new KeyboardEvent("keydown", { key: "3", bubbles: true })); }"""
    )
    on_step(page, 200)
    expect(page.locator("#step-199")).to_be_in_viewport()
    page.keyboard.press("1")
    expect(page.locator("#missing")).to_have_text("Submit: first error at step 200")
    saved(page)
    assert work.ask("SELECT count(*) FROM rating_event") == [(200,)]
