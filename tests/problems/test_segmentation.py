"""Where free text is cut, and where it must not be."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from app.problems.segmentation import SEGMENTATIONS, segment, without_calculator


@pytest.mark.parametrize(
    ("how", "text", "steps"),
    [
        ("line", "a\n\n b\r\nc", ["a", "b", "c"]),
        ("line", "We get \\[\nx = 1\n\\] so\ndone", ["We get \\[\nx = 1\n\\] so", "done"]),
        ("blank", "a\nb\n\nc", ["a\nb", "c"]),
        ("blank", "a\n\n\\[ x\n\ny \\]", ["a", "\\[ x\n\ny \\]"]),
        ("numbered", "So:\n1. Add.\n2. Take.", ["So:", "1. Add.", "2. Take."]),
        ("numbered", "Step 1: Add 1.5 to it.\nStep 2: Done.", ["Step 1: Add 1.5 to it.", "Step 2: Done."]),
        ("sentence", "It is 3.14 m. Then we add, e.g. five. Done!", ["It is 3.14 m.", "Then we add, e.g. five.", "Done!"]),
        ("sentence", "Dr. Who has $x. Y$ left. So 2.", ["Dr. Who has $x. Y$ left.", "So 2."]),
    ],
)  # fmt: skip
def test_cuts(how: str, text: str, steps: list[str]) -> None:
    assert segment(text, how) == steps


WHOLE = {
    "dollars over lines": "$\\frac{a\n+ b}{c}$",
    "dollars with blanks inside": "$ r = 0.5. S = 1.5 $",
    "dollars within text within dollars": "$x = 1 \\text{ if $y$ is\n0. Else }$",
    "display dollars": "$$\na. B\n\n= c\n$$",
    "brackets": "\\[\na. B\n\n= c\n\\]",
    "doubly escaped brackets": "\\\\[\na. B\n\\\\]",
    "parentheses": "\\(a.\nB\\)",
    "brackets that lost their backslashes": "[\na = 1. B\n]",
    "an environment in its own kind": "\\begin{aligned}\na\\\\\n\\begin{aligned}\nb. C\n\\end{aligned}\\\\\n\nd\n\\end{aligned}",
    "a row break with a length": "\\begin{array}{c}\n1 \\\\[2pt]\n\n2. A\n\\end{array}",
    "a box": "\\boxed{\\text{No. It is\nnot.}}",
    "a LaTeX table": "\\begin{tabular}{c|c}\na & b \\\\\n\\hline\n1. A & 2\n\\end{tabular}",
    "a fence": "```python\nx = 1\n\n# 1. Add. Then stop.\n```",
    "tildes": "~~~\na. B\n\n```\nc\n~~~",
    "five ticks": "`````md\n```\na. B\n```\n\nc\n`````",
    "a listing in a Markdown listing": "```markdown\n# A\n```python\nx = 1\n```\n\nB. C\n```",
    "a fence that closes at the end of a line": "```python\nx = 1\n\nprint(x)```",
    "a fence that never closes": "```python\nx = 1\n\n1. + x\n",
    "indented code": "    x = 1. Y\n\n    if x:\n        y = 2",
    "inline code": "`a. B`",
    "a drawing": "[asy]\nsize(4cm);\n\ndraw((0,0)--(1,1)); // A. B\n\nlabel(\"$x$\", (0,0));\n[/asy]",
    "a table": "| Num. | Possible. Or not |\n|:---|---:|\n| 1. A | 2 |",
    "a table without outer bars": "a. B | c\n--- | ---\n1. D | 2",
    "a drawn table": "+---+---+\n| 1. A | b |\n+---+---+",
}  # fmt: skip


@pytest.mark.parametrize("how", SEGMENTATIONS)
@pytest.mark.parametrize("unit", WHOLE.values(), ids=WHOLE)
def test_a_unit_is_never_cut(how: str, unit: str) -> None:
    text = f"We start.\n\n{unit}"
    assert any(unit.rstrip() in step for step in segment(text, how))
    assert segment(text, "line") == ["We start.", unit.rstrip()]


@pytest.mark.parametrize(
    ("how", "text", "steps"),
    [
        ("sentence", "A pen costs $5. A book costs $3. Both are $8, so $b - p = -2$.", 3),
        ("line", "I pay 20$\nand get 30$", 2),
        ("line", "It starts with $x and\nnever ends\n\nwith $y", 3),
        ("blank", "$$ a\n\nAn open formula.\n\n$$ b $$", 3),
        ("line", "\\begin{align}\na = 1\nand then cut off", 3),
        ("blank", "```python\ntotal = 0\n\ntotal += 1\n\nThe total is 1.\n\n\\boxed{1}", 3),
        ("line", "1. Run:\n   ```python\n   x = 1\n   ```\n2. Stop.", 2),
        ("line", "|x| = 3\n|y| = 4", 2),
        ("blank", "1. Add.\n\n    Two lines of prose.\n\n    They belong to the item.", 3),
    ],
)
def test_what_only_resembles_a_unit_is_cut(how: str, text: str, steps: int) -> None:
    assert len(segment(text, how)) == steps


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("设边长为3厘米。周长是多少？是12厘米！所以答案是12。", 4),
        ("他说：“好。”然后算出x＝３．５。", 2),
        ("「そうです。」と先生は言った。答えは8です。", 2),
        ("「はい。」。次に足す。", 2),
        ("It began on Sept. 5. We stop.", 2),
        ("Пусть x равен 2. Тогда y равен 3.", 2),
        ("See Fig. 3, Eq. (2) and No. 4. J. Smith et al. agree.", 2),
        ("We meet at point A. Then we go on for 5 min. She stops.", 3),
        ("Add 1, 2, ..., 10. It is 55... Now stop!", 3),
        ("We find \\[x = 4.\\] Thus \\[y = 5.\\]So we stop.", 3),
        ("Step 1. Add three.\n- **Carry.** Keep one. Then go on.\n- Write it", 4),
        ("# Answer\n\nIt is 4. We stop.", 2),
        ("Look at this.\n```\na. B\n```\nit prints b", 3),
    ],
)
def test_sentences(text: str, steps: int) -> None:
    assert len(segment(text, "sentence")) == steps, segment(text, "sentence")


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("第1步，设x。\n第2步，解。", 2),
        ("步骤一：设x。\n步骤二：解。\n步骤三：验。", 3),
        ("ステップ1：置く。\nステップ2：解く。", 2),
        ("一、设x。\n二、解。", 2),
        ("（１）设x。\n（２）解。", 2),
        ("(1) Take x.\n(1) + (2) is 3.\n(2) Take y.", 2),
        ("Step #1: Add\nStep #2: Stop", 2),
        ("Step I. Add\nStep II. Stop", 2),
        ("The first step: add\n**Second step**: stop", 2),
        ("We check each:\n- 1: odd\n- 2: even", 1),
        ("(i) Add\n(ii) Stop", 2),
        ("We have\nf(x) = 3 for\n(x) = 2 and\n(v) = 1", 1),
        ("* __Step 1:__ Add\n* __Step 2:__ Stop", 2),
        ("Step 1\nWe add. In Step 2 we stop.\nStep 1 gave three.\nStep 2\nWe stop.", 2),
        ("## Step 1: Add\n1. one\n2. two\n### Details\nx\n## Step 2: Stop", 2),
        ("## Plan\nAdd\n## Work\nSum", 2),
        ("## Work\n1. Add\n2. Stop", 2),
        ("1. Add\n   1. one\n   2. two\n\n   more\n2. Stop", 2),
        ("1. Add\n(1) one\n(2) two\n2. Stop", 2),
        ("1) Add\n2) Stop\n\nThe sum is 3.", 3),
        ("1. Add\n\nWe add.\n\n2. Stop\n\nWe stop.", 2),
        ("The year is\n1999. It is odd\n12. times", 1),
        ("**Understand**\nRead\n**Solve**\nAdd", 2),
    ],
)
def test_numbers(text: str, steps: int) -> None:
    assert len(segment(text, "numbered")) == steps, segment(text, "numbered")


def test_model_output_keeps_headings_with_their_text_and_thinking_apart() -> None:
    text = "<think>\nIs it 4?\n\nYes.\n</think>\n**Work**\n\n2 + 2 = 4\n\n---\n\n# Answer\n\n4"
    assert segment(text, "model_output") == [
        "<think>\nIs it 4?",
        "Yes.\n</think>",
        "**Work**\n\n2 + 2 = 4\n\n---",
        "# Answer\n\n4",
    ]


@pytest.mark.parametrize("how", SEGMENTATIONS)
def test_no_step_shows_nothing(how: str) -> None:
    unseen = "\u00a0\n\u200b\n\n\u00ad\n\n\u200d\n\n\u2060 \ufeff"
    assert segment(unseen, how) == []
    steps = segment(f"{unseen}\n\n1. One.\n\n\u200b\n\n2. Two.\n\n{unseen}", how)
    assert [step.strip("\u00a0\u200b\u00ad\u200d\u2060\ufeff \n") for step in steps] == ["1. One.", "2. Two."]


def test_indented_code_keeps_its_indentation() -> None:
    assert segment("We run\n\n    if x:\n        y = 1\n\nand stop", "blank")[1] == "    if x:\n        y = 1"


def test_calculator_marks_leave_their_result() -> None:
    assert without_calculator("48/2 = <<48/2=24>>24 clips") == "48/2 = 24 clips"
