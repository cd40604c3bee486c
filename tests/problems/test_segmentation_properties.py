"""What holds for every text: nothing is lost, nothing whole is cut, and the work grows linearly."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.problems.segmentation import SEGMENTATIONS, is_visible_text, segment

PIECES = [
    "a", "B. C", "x = 1", "5", " ", "\n", "\n\n", "    ", "\t", "$", "$$", "\\(", "\\)", "\\[", "\\]", "{",
    "}", "\\begin{cases}", "\\end{cases}", "\\boxed{", "```", "```py\n", "~~~", "`", "[asy]", "[/asy]",
    "| a |", "\n|-|\n", "<think>", "</think>", "1. ", "(2) ", "Step 3: ", "- ", "# A", "**B**", "---", "。",
    "第一步", "\u200b", "\u00a0", "\\\\", "\r\n", "!", "\"", "<pre>", "</pre>", "[\n", "\n]",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
modes = st.sampled_from(sorted(SEGMENTATIONS))


def without_blanks(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=200, deadline=None)
@given(texts | st.text(max_size=200), modes)
def test_nothing_is_lost_and_every_step_shows_something(text: str, how: str) -> None:
    steps = segment(text, how)
    if is_visible_text(text):
        assert without_blanks("".join(steps)) == without_blanks(text)
    assert all(is_visible_text(step) for step in steps)


prose = st.sampled_from(
    ["We add.", "So it is five. Then we stop.", "1. Take two.", "It costs $5.", "然后相加。"]
)
inner = st.lists(
    st.sampled_from(["a", " = ", "\n", "1. B", "x. Y", "+ 2", "\\\\", "\\text{ if }", "{z}", "(3) "]),
    min_size=1,
    max_size=8,
).map("".join)
wrapped = st.one_of(
    inner.map(lambda text: f"\\[{text}\n\n1\\]"),
    inner.map(lambda text: f"$${text}\n\n1$$"),
    inner.map(lambda text: f"\\({text}\\)"),
    inner.map(
        lambda text: f"\\begin{{align*}}{text}\n\\begin{{cases}}{text}\\end{{cases}}\n\n1\\end{{align*}}"
    ),
    inner.map(lambda text: f"```python\n{text}\n\ny\n```"),
    inner.map(lambda text: f"~~~~\n{text}\n```\n\ny\n~~~~"),
    inner.map(lambda text: f"[asy]\n{text}\n\ndraw(x);\n[/asy]"),
    st.just("| a. B | c |\n|---|:-:|\n| 1. D | 2 |"),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(prose, wrapped), min_size=1, max_size=4), modes)
def test_balanced_units_stay_in_one_step(parts: list[tuple[str, str]], how: str) -> None:
    steps = segment("\n\n".join(f"{lead}\n\n{unit}" for lead, unit in parts), how)
    for _, unit in parts:
        assert any(unit in step for step in steps)


def count_calls(work: Callable[[], object]) -> int:
    """How many Python functions and built-in functions are called: time on any machine is proportional
    to that, as far as each call's own work is."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "unit",
    ["$", "${", "\\[", "```md\n", "```\n", "</think>\n", "<think>\n", "| a |\n",
     "1. a\n", "\\begin{a}", "    x\n\n", "a. B ", "`", "[asy]\n", "$5 "],
)  # fmt: skip
def test_calls_grow_linearly(unit: str) -> None:
    short, long = (count_calls(lambda size=size: segment(unit * size, "sentence")) for size in (500, 2000))  # type: ignore[misc]
    assert long < 5 * short + 1000


@pytest.mark.parametrize("how", ["sentence", "numbered"])
def test_a_megabyte_is_cut(how: str) -> None:
    paragraph = (
        "We take $x = 1$ and\n\\[ y = 2. \\]\nThen **z** is 3.\n\n```python\nz = 3\n\n```\n\n1. Add it\n"
    )
    text = paragraph * (1_000_000 // len(paragraph))
    steps = segment(text, how)
    assert without_blanks("".join(steps)) == without_blanks(text)
    assert len(steps) > text.count("1. Add")
