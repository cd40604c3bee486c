"""Our grader beside verdicts that came with public files: how many agree, and every pair that does not.

    PYTHONPATH=. python bench/answers.py --data FOLDER [--show 40]

FOLDER holds `gsm8k/`, `math/`, `processbench/` and `solutions/` as docs/formats.md names their files.
ProcessBench has no reference answers: they are joined from GSM8K and MATH-500 by statement. `answers` counts
texts with an answer; seconds are the processor's, extraction included."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.answers.extract import answer_of_steps, gsm8k_answer, last_answer
from app.answers.grade import grade
from app.answers.prover_process import ProverProcess
from app.problems.problem_keys import statement_key


class Graded(NamedTuple):
    """A solution with the verdict of its file."""

    name: str
    reference: str
    answer: str | None
    correct: bool


def read_lines(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    with path.open() as lines:
        yield from map(json.loads, lines)


def gsm8k_solutions(data: Path) -> Iterator[Graded]:
    for row in read_lines(data / "gsm8k" / "example_model_solutions.jsonl"):
        reference = gsm8k_answer(row["ground_truth"]) or ""
        for generator, solution in row.items():
            if isinstance(solution, dict):
                answer = last_answer(solution["solution"])
                yield Graded(generator, reference, answer, solution["is_correct"])


def math_samples(data: Path) -> Iterator[Graded]:
    """The answers that the file extracted."""
    for row in read_lines(data / "solutions" / "math_cot_100.jsonl"):
        for answer, correct in zip(row["pred"], row["score"], strict=True):
            yield Graded(str(row.get("idx")), row["gt"], answer, correct)


def math_texts(data: Path) -> Iterator[Graded]:
    """The answers that we extract from the same solutions."""
    for row in read_lines(data / "solutions" / "math_cot_100.jsonl"):
        for text, correct in zip(row["code"], row["score"], strict=True):
            yield Graded(str(row.get("idx")), row["gt"], last_answer(text), correct)


def processbench(data: Path) -> Iterator[Graded]:
    references = {}
    for split in ("train", "test"):
        for row in read_lines(data / "gsm8k" / f"{split}.jsonl"):
            references[statement_key(row["question"])] = gsm8k_answer(row["answer"]) or ""
    for row in read_lines(data / "math" / "test500.jsonl"):
        references[statement_key(row["problem"])] = row["answer"]
    for subset in ("gsm8k", "math"):
        for row in json.loads((data / "processbench" / f"{subset}.json").read_text()):
            reference = references.get(statement_key(row["problem"]))
            if reference is not None:
                answer = answer_of_steps(row["steps"])
                yield Graded(row["id"], reference, answer, row["final_answer_correct"])


SOURCES = {
    "GSM8K example solutions": gsm8k_solutions,
    "math_cot_100, answers of the file": math_samples,
    "math_cot_100, answers from the text": math_texts,
    "ProcessBench, references joined": processbench,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", type=int, default=40)
    options = parser.parse_args()
    print("| file | solutions | answers | same verdict | correct here only | there only | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    shown: list[str] = []
    with ProverProcess() as prover:
        for name, source in SOURCES.items():
            started, counts = time.process_time(), Counter[str]()
            for solution in source(options.data):
                verdict = grade(solution.reference, solution.answer, prover)
                kind = {(True, False): "ours", (False, True): "theirs"}.get(
                    (verdict == "correct", solution.correct), "same"
                )
                counts.update([kind, "solutions", *(["answers"] if solution.answer else [])])
                if kind != "same":
                    shown.append(
                        f"{name}: {solution.name}: {solution.reference!r} | {solution.answer!r}: {verdict}"
                    )
            seconds = time.process_time() - started
            figures = [f"{counts[key]:,}" for key in ("solutions", "answers", "same", "ours", "theirs")]
            print(f"| {name} | {' | '.join(figures)} | {seconds:.1f} |")
    print(*shown[: options.show], sep="\n")


if __name__ == "__main__":
    main()
