"""Where the final answer of a solution is found."""

from __future__ import annotations

import time

import pytest

from app.answers.extract import answer_of_steps, last_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So 9.\n\n# Answer\n\n9", "9"), ("**Final Answer**\n\n42", "42"), ("### Answer: 17", "17"),
        ("## Final answer\n\\boxed{6}", "6"), ("#### 1,250", "1,250"), ("so\nA: 18", "18"),
        ("The answer is 7.25.", "7.25"), ("The answer is $x = 3$ and $x = 5$.", "$x = 3$ and $x = 5$"),
        ("Final Answer: The final answer is $21$. I hope it is correct.", "$21$"),
        ("Final Answer: The final answer is 8.5. I hope it is correct.", "8.5"),
        ("Answer $14$", "$14$"), ("**Answer:** 4 sq. ft.", "4 sq. ft"), ("Answer:\n\n\\[ 5 \\]", "\\[ 5 \\]"),
        ("The answer is 42 because 6 times 7 is 42.", "42"), ("The correct option is (D) 30.", "(D) 30"),
        ("The answer to the problem is 5.", "5"), ("<answer> 5 </answer>", "5"),
        ("答案是 $5$。", "$5$"), ("所以答案为：12", "12"), ("故选：B", "B"), ("答え：４５", "４５"),
        ("答えは 5 です。", "5"), ("정답은 5입니다.", "5"), ("الجواب هو ٥", "٥"),
        ("La respuesta final es 8.", "8"), ("Nothing to see.", None), ("The answer is correct.", None),
        ("Answer 1 of them.", None),
    ],
)  # fmt: skip
def test_a_marker_announces_the_answer(text: str, answer: str | None) -> None:
    assert last_answer(f"We compute.\n\n{text}") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{4}, \\boxed{6}, \\boxed{9}", "4, 6, 9"),
        ("$\\boxed{(1,3)}$ \\quad \\text{and} \\quad $\\boxed{(3,1)}$", "(1,3), (3,1)"),
        ("The speeds are \\boxed{12} km/h and \\boxed{5} km/h.", "12, 5"),
        ("$x = \\boxed{2}$ and $y = \\boxed{8}$", "2, 8"),
        ("\\boxed{\\frac{6}{4}} = \\boxed{\\frac{3}{2}}", "\\frac{3}{2}"),
        ("\\boxed{5}. Wait, that is wrong.\n\nSo \\boxed{6}.", "6"),
        ("First \\boxed{\\frac{6}{4}}.\n\nReduced: \\boxed{\\frac{3}{2}}.", "\\frac{3}{2}"),
        ("\\boxed{7}\n\nTo summarize, the sum is 7.\n\n\\boxed{7}", "7"),
        ("\\boxed{3}? No. The answer is 8.", "8"), ("\\boxed{}\n\nIt is \\boxed{4}.", "4"),
        ("It is \\boxed{4}. \\boxed{}", "4"), ("The answer is \\boxed{\\frac{6}{4}", None),
        ("\\boxed{4} and then \\boxed{\\frac{6}{", None), ("\\boxed 8", "8"),
        ("\\fbox{\\{1, 2\\}}", "\\{1, 2\\}"), ("The answer is 4.\n\n\\boxed{5}", "5"),
        ("\\boxed{3}\n\nCheck the answer: 5 * 3 = 15.", "3"), ("\\boxed{3}\n\n**Answer:** 4", "4"),
        ("\\boxed{3}\n\n#### 4", "4"), ("\\boxed{3}\n答案：4", "4"),
        ("\\boxed{3}\n\nThe answer is correct.", "3"),
        ("\\boxed{3}\n\nAnother choice: to stay at home.", "3"),
    ],
)  # fmt: skip
def test_boxes(text: str, answer: str | None) -> None:
    """The last one counts; parts of one sentence are one answer; what is cut off is no answer."""
    assert last_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>Maybe \\boxed{3}? No.</think>\n\nThe answer is 8.", "8"),
        ("<think>Surely \\boxed{8}.</think>\n\nThe answer is 3.", "3"),
        ("Surely \\boxed{8}.\n</think>\n\n\\boxed{3}", "3"), ("<think>Surely \\boxed{8}.</think>", None),
        ("<think>Surely \\boxed{8}. But let me", None), ("<thinking>8?</thinking>\n# Answer\n\n3", "3"),
        ("[THINK]\\boxed{8}[/THINK] \\boxed{3}", "3"),
    ],
)  # fmt: skip
def test_only_what_is_behind_the_thinking_counts(text: str, answer: str | None) -> None:
    assert last_answer(text) == answer


def test_steps_are_read_as_one_text() -> None:
    assert answer_of_steps(["2 + 3 = 5", "# Answer\n\n5"]) == "5"
    assert answer_of_steps(["<think>", "\\boxed{9}", "</think>", "The answer is 5."]) == "5"
    assert answer_of_steps(["2 + 3 = 5"]) is None


@pytest.mark.parametrize(
    "piece",
    [
        " ", "\n", "answer ", "answer is ", "answer is $", "answer is \n", "\\boxed{", "\\boxed ", "{", "$",
        "# Answer\n", "# Answer ", "A: ", "答案是", "<think>", "<answer>", "Answer 1", "\\boxed{2}, ", "#",
        "\\boxed{2} and ", "**", "The final answer is: ", "选", "\\", "(", "answer\t",
    ],
)  # fmt: skip
def test_extraction_takes_linear_time(piece: str) -> None:
    """A hundred thousand characters of what makes patterns go back and forth."""
    started = time.process_time()
    last_answer("x" + piece * (100_000 // len(piece)))
    last_answer("The answer is 5" + piece * (100_000 // len(piece)) + "x")
    assert time.process_time() - started < 2.5
