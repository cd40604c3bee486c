"""Each row of the tables in docs/answers.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.answers.extract import last_answer
from app.answers.grade import grade
from app.answers.prover_process import ProverProcess

DOCS = Path(__file__).parent.parent.parent / "docs" / "answers.md"


def read_table(header: str) -> list[list[str]]:
    lines = DOCS.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append([cell.strip().strip("`").replace("\\|", "|") for cell in cells])
    return rows


@pytest.fixture(scope="module")
def prover() -> Iterator[ProverProcess]:
    with ProverProcess(seconds=20) as process:
        yield process


@pytest.mark.parametrize(("text", "answer"), read_table("| Solution"))
def test_the_answer_is_where_the_page_says(text: str, answer: str) -> None:
    assert (last_answer(text) or "") == answer


@pytest.mark.parametrize(("reference", "answer", "verdict", "rule"), read_table("| Reference"))
def test_the_verdict_is_what_the_page_says(
    reference: str, answer: str, verdict: str, rule: str, prover: ProverProcess
) -> None:
    assert grade(reference, answer, prover) == verdict, rule
