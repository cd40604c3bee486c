"""Pairs of answers by kind: `reference | answer | verdict` in pairs.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.answers.grade import grade
from app.answers.normalize import normalize
from app.answers.prover_process import ProverProcess

LINES = (Path(__file__).parent / "pairs.txt").read_text().splitlines()


def read_pairs() -> list[tuple[str, str, str]]:
    pairs = []
    for line in LINES:
        if line and not line.startswith("#"):
            reference, *answer, verdict = line.split(" | ")
            pairs.append((reference, " | ".join(answer), verdict))
    return pairs


@pytest.fixture(scope="module")
def prover() -> Iterator[ProverProcess]:
    with ProverProcess(seconds=20) as process:
        yield process


@pytest.mark.parametrize(("reference", "answer", "verdict"), read_pairs())
def test_a_pair_gets_its_verdict(reference: str, answer: str, verdict: str, prover: ProverProcess) -> None:
    assert grade(reference, answer, prover) == verdict


def test_every_answer_equals_itself_in_other_spacing(prover: ProverProcess) -> None:
    for reference, _, _ in read_pairs():
        assert grade(reference, f"$ {reference} $", prover) == "correct", reference
        assert normalize(normalize(reference)) == normalize(reference)


def test_neighbors_of_other_kinds_are_never_equal(prover: ProverProcess) -> None:
    """Each reference against that of the next kind."""
    firsts = [LINES[at + 1].split(" | ")[0] for at, line in enumerate(LINES) if line.startswith("#")]
    for reference, answer in zip(firsts, [*firsts[1:], firsts[0]], strict=True):
        assert grade(reference, answer, prover) != "correct", (reference, answer)
