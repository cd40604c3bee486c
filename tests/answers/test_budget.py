"""One answer has one budget of time and memory, whatever it holds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.answers.compare import compare
from app.answers.grade import NeedsAlgebra, NoAlgebra, grade, read_answer
from app.answers.prover_process import SECONDS, ProverProcess

START = 15
"""Seconds that a loaded machine may take to start the process once more."""
HARD = "\\int_0^{\\infty} \\frac{\\sin(x^{17})}{x^{13}+%d}\\,dx"


@pytest.fixture
def prover() -> ProverProcess:
    process = ProverProcess()
    with process:
        assert grade("x+1", "1+x", process) == "correct"
        yield process  # type: ignore[misc]


@pytest.mark.parametrize(
    "build",
    [
        lambda hard: ", ".join(hard(n) for n in range(12)),
        lambda hard: "(" + ", ".join(hard(n) for n in range(12)) + ")",
        lambda hard: "\\begin{pmatrix}" + " & ".join(hard(n) for n in range(12)) + "\\end{pmatrix}",
        lambda hard: f"x = {hard(1)} \\text{{ or }} x = {hard(2)} \\text{{ or }} x = {hard(3)}",
    ],
    ids=["list", "tuple", "matrix", "names"],
)
def test_many_hard_members_cost_no_more_than_one(
    build: Callable[[Callable[[int], str]], str], prover: ProverProcess
) -> None:
    answer, reference = build(lambda n: HARD % n), build(lambda n: HARD % (n + 50))
    started = time.monotonic()
    # the members differ: a fast machine may find that out in time, and none may call them equal
    assert grade(reference, answer, prover) in ("unparseable", "incorrect")
    assert time.monotonic() - started < SECONDS + 3
    assert prover.killed <= 1


def test_many_plain_members_do_not_hold_up_the_calling_process(prover: ProverProcess) -> None:
    """A long list is compared where it can be killed."""
    members = [f"{n % 10} m" for n in range(190)]
    reference, answer = ", ".join(members), ", ".join(member[0] for member in reversed(members))
    started = time.process_time()
    assert grade(reference, answer, prover) in ("correct", "unparseable")
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "piece",
    ["9,", "9,999", "(", "[1,", "\\frac", "\\frac1", "\\sqrt", "\\text{a", "x=", "a ", "1 ", "\\pm ", "and ",
     "1/", "9^", "x_", "\\cup ", "5 m ", "%", "|x", "\\{", "\\,", "答", "²", "\\begin{pmatrix}", "$", "."],
)  # fmt: skip
def test_hostile_texts_are_compared_in_bounded_time(piece: str) -> None:
    text = (piece * 1000)[:995]
    started = time.process_time()
    for answer in (text, text[::-1]):
        with contextlib.suppress(NeedsAlgebra, ValueError, RecursionError):
            compare(read_answer(text + "7"), read_answer(answer), NoAlgebra())
    assert time.process_time() - started < 1


def test_the_process_has_512_megabytes(prover: ProverProcess) -> None:
    assert prover.process is not None
    limits = Path(f"/proc/{prover.process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert str(512 << 20) in line


def test_a_killed_process_is_replaced_and_leaves_nothing(prover: ProverProcess) -> None:
    assert prover.process is not None
    pid = prover.process.pid
    assert grade("5", "9^{9^{9^{9}}}", prover) == "unparseable"
    assert not Path(f"/proc/{pid}").exists()
    started = time.monotonic()
    assert grade("\\frac{x}{2}", "0.5x", prover) == "correct"
    assert time.monotonic() - started < START


def test_what_needs_algebra_is_told_apart() -> None:
    with pytest.raises(NeedsAlgebra):
        compare("x+1", "1+x", NoAlgebra())
    assert compare("\\frac{1}{2}", "0.5", NoAlgebra()) is True
