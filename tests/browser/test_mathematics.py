"""What is shown is what was written: money stays money, mathematics is drawn, and what LaTeX writes in ways
that KaTeX does not know is drawn too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Work, on_problem

Open = Callable[..., Page]
DRAW = """async (texts) => {
    const { renderMath } = await import("/static/math.js");
    const place = Object.assign(document.createElement("div"), { className: "math-text" });
    document.body.append(place);
    const drawn = texts.map((text) => {
        renderMath(place, text);
        const sources = [...place.querySelectorAll(".math.source")].map((span) => span.textContent);
        const math = [...place.querySelectorAll("annotation")].map((span) => span.textContent);
        return { sources, math, text: place.textContent };
    });
    place.remove();
    return drawn;
}"""
MONEY = (
    "He sells 4 lamps for $15.00 each so he earns 4*15 = $$60.00 and then $$20.00 more.",
    "They made 350$. The second month they made 50$ and lost 20$.",
    "The rest is $8 - $4 - 25 =-21, which is $5-$3=$2.",
    "A net profit of $200.00 for 20 candles, so 40-200 = $-160.00 and 20$-5$ = 15$.",
    "It costs $3 apples$ and she pays $<<4*20=80>>80$ in all.",
    "$5 or $6, $7,$8, $ 9 = $10 and $ and $.",
)
MATHEMATICS = {
    "Let $a,$ $b$ and $12$ be given, $x-$axis.": ["a,", "b", "12", "x-"],
    "So $5 - 3 = 2$ and $ x + y $ hold.": ["5 - 3 = 2", " x + y "],
    "Then $$x = \\text{the number of cats}$$ holds.": ["x = \\text{the number of cats}"],
    "For $20 it is $\\frac{1}{2}$ of it.": ["\\frac{1}{2}"],
    "$\\operatorname{lcm} (4, 6) = 12$ with $AB = CD$": ["\\operatorname{lcm} (4, 6) = 12", "AB = CD"],
}
LATEX = (
    "\\begin{tabular}{|l|c|} \\multicolumn{2}{c}{\\textbf{Days}}\\\\\\hline Grade & 40\\% \\\\"
    " \\hline $9^2$ & 5 \\end{tabular}",
    "$$\\begin{array}{@{}c@{\\;}c} 1 & 2_8 \\\\ \\cline{1-2} 3 & 4 \\end{array}$$",
    "\\[\\begin{array}{c|cc} \\multicolumn{2}{r}{2} & 0 \\\\ \\cline{2-3} 2 & 4 & 1 \\end{array}\\]",
    "\\begin{eqnarray*} P & = & x^3 \\\\ & = & 8 \\end{eqnarray*}",
    "$$\\frac{1}{\\root 4\\of5 + \\root {16}\\of{5} + \\root{3}{2}} = \\frac{\\cancelto{2}{8}}{12}$$",
    "\\[\\renewcommand{\\arraystretch}{1.5} \\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}\\]",
    "So \\boxed{70%} and \\(5 + 5 = $10\\).",
)


@pytest.fixture
def page(open_desk: Open) -> Page:
    page = open_desk(Work(1))
    on_problem(page, 1)
    return page


def test_money_is_shown_as_it_was_written(page: Page) -> None:
    for text, drawn in zip(MONEY, page.evaluate(DRAW, MONEY), strict=True):
        assert drawn["math"] == [], text
        assert drawn["text"] == text


def test_mathematics_between_dollars_is_drawn(page: Page) -> None:
    for formulas, drawn in zip(MATHEMATICS.values(), page.evaluate(DRAW, list(MATHEMATICS)), strict=True):
        assert drawn["math"] == formulas
        assert drawn["sources"] == []


def test_latex_that_katex_does_not_know_is_drawn(page: Page) -> None:
    for text, drawn in zip(LATEX, page.evaluate(DRAW, LATEX), strict=True):
        assert drawn["sources"] == [], text
        assert drawn["math"], text


def test_what_cannot_be_drawn_is_shown_as_its_source(page: Page) -> None:
    [drawn] = page.evaluate(DRAW, ["So \\(O_1_x = 5\\)."])
    assert drawn["sources"] == ["\\(O_1_x = 5\\)"]


def test_a_final_answer_in_bare_latex_is_drawn(page: Page) -> None:
    texts = [
        "# Answer\n\n\\frac{1}{2}",
        "So the final answer is 166^\\circ.",
        "The answer is 5_000 or so it is.",
    ]
    drawn = page.evaluate(DRAW, texts)
    assert [text["math"] for text in drawn] == [["\\frac{1}{2}"], ["166^\\circ"], []]
    assert drawn[0]["text"].startswith("# Answer\n\n")


def test_arithmetic_in_text_from_right_to_left_keeps_its_direction(page: Page) -> None:
    isolated = page.evaluate(
        """async (text) => {
            const { renderMath } = await import("/static/math.js");
            const place = document.querySelector("#step-0 .text");
            renderMath(place, text);
            const parts = [...place.querySelectorAll(".arithmetic")];
            return [place.textContent, parts.map((part) => [part.textContent, part.dir])];
        }""",
        "לכן 3 + 8 = 11 וזה הכל, בשנת 1999.",
    )
    assert isolated == ["לכן 3 + 8 = 11 וזה הכל, בשנת 1999.", [["3 + 8 = 11", "ltr"]]]


def test_a_displayed_formula_stands_without_blank_lines(page: Page) -> None:
    [drawn] = page.evaluate(DRAW, ["We get\n\\[x = 1\\]\nand go on."])
    assert drawn["text"].startswith("We get")
    assert not drawn["text"].removeprefix("We get").startswith("\n")
    assert drawn["text"].endswith("and go on.")
    assert not drawn["text"].removesuffix("and go on.").endswith("\n")
