"""Equal answers are right, unequal ones wrong, hostile ones harmless."""

# ruff: noqa: E501
from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.answers.extract import boxed, gsm8k_answer, last_answer
from app.answers.grade import grade
from app.answers.prover_process import ProverProcess


@pytest.fixture(scope="module")
def prover() -> Iterator[ProverProcess]:
    with ProverProcess() as process:
        yield process


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"),
    [
        ("18", "$18.00", "correct"), ("10,000", "10000", "correct"), ("10{,}000", "10000", "correct"),
        ("\\frac{1}{2}", "0.5", "correct"), ("10^{10}", "10000000000", "correct"),
        ("\\{1,2,\\sqrt{3}\\}", "\\{\\sqrt{3},2,1\\}", "correct"), ("1, 2", "2 and 1", "correct"),
        ("1+2\\sqrt{3}", "2\\sqrt3+1", "correct"), ("x^2+2x+1", "(x+1)^2", "correct"),
        ("\\text{Evelyn}", "Evelyn", "correct"), ("11_2", "11_{2}", "correct"),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\pi/2)", "correct"),
        ("\\frac{1}{2004!}", "\\frac{1}{2006!}", "incorrect"), ("\\frac{1}{2^{99}}", "\\frac{1}{2^{98}}", "incorrect"),
        ("11_2", "11", "incorrect"), ("11", "11_2", "incorrect"), ("(1,2)", "(2,1)", "incorrect"),
        ("[0,1)", "(0,1)", "incorrect"), ("\\sqrt{2}", "1.41", "incorrect"), ("1,1,2", "1,2,2", "incorrect"),
        ("18", "", "unparseable"), ("18", None, "unparseable"), ("18", "a" * 2000, "unparseable"),
    ],
)  # fmt: skip
def test_verdicts(reference: str, answer: str | None, verdict: str, prover: ProverProcess) -> None:
    assert grade(reference, answer, prover) == verdict


def test_hostile_answers_run_nothing_and_end(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"__import__('os').system('touch {mark}')"
    hostile = [
        "9**9**9**9", "9^{9^{9^{9}}}", "99999999!", "2^{2^{2^{100}}}", code, f"\\text{{{code}}}", f"f({code})",
        f"lambda: {code}", f"\\frac{{{code}}}{{1}}", "{" * 900, "\\frac{" * 150, "9" * 900, "(" * 39 + ")" * 39,
        "\\sqrt{" * 30 + "2" + "}" * 30, "\\int_0^{\\infty} e^{x^x} dx", "\\sum_{n=1}^{10^{30}} n^n", "\0", "\ud800",
        "\\prod_{i=1}^{99999999} i", "1/0", "\\frac{1}{0}", "x=" * 300, "\\begin{pmatrix}" * 50, "√" * 999,
    ]  # fmt: skip
    with ProverProcess(seconds=1.0) as prover:
        for answer in hostile:
            began = time.monotonic()
            assert grade("5", answer, prover) in ("incorrect", "unparseable")
            assert time.monotonic() - began < 20  # the limit, and another start of the process
        assert grade("\\frac{\\pi}{2}", "\\pi/2", prover) == "correct"
    assert not mark.exists()


def test_where_answers_stand() -> None:
    assert gsm8k_answer("3 + 4 = 7\n#### 7") == "7"
    assert gsm8k_answer("so\nA: 1,200") == "1,200"
    assert boxed("\\boxed{1} then \\boxed{\\frac{1}{2}}") == "\\frac{1}{2}"
    assert boxed("\\boxed{1") is None
    assert last_answer("So 9.\n\n# Answer\n\n9") == "9"
    assert last_answer("The answer is 42.") == "42"
    assert last_answer("nothing") is None
    assert last_answer("7 ×3 = 1\nanswer 1\n") == "1"
    assert last_answer("Answer 1 of them.") is None
