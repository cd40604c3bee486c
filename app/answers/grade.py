"""PURE: is an answer equal to the reference? Correct, incorrect, or unparseable, which is not incorrect.

Spellings, plain numbers and words are decided here, exactly. What needs algebra goes as a whole to a
process that can be killed (prover_process.py): one answer has one budget of time and memory, whatever it
holds. Docs: docs/answers.md."""

from __future__ import annotations

import re
from typing import Protocol

from app.answers.compare import compare
from app.answers.extract import LONGEST as LONGEST_TEXT
from app.answers.extract import last_answer
from app.answers.normalize import normalize
from app.answers.structure import Node, Relation

GRADER = "stepmark-math-verify"
MOST_STEPS = 1000
"""Parts that are compared in the calling process: some 0.1 s."""
VERSION = "2 (math-verify 0.9.0)"
MARKED = re.compile(
    r"\\(?:boxed|fbox)|answer|option|choice|####|^A:|答|解|选|選|정답|답|<|ответ|respuesta|réponse", re.I
)
LETTERED = re.compile(r"\(?[A-J][).:]\s")


class Prover(Protocol):
    def equal(self, reference: str, answer: str) -> bool | None:
        """Are two normalized answers equal? None: it cannot be told in time or at all."""


class NeedsAlgebra(Exception):
    """Not decidable by spelling, exact numbers and structure alone."""


class NoAlgebra:
    """An `Algebra` (compare.py) that decides nothing, and leaves long comparisons to the process."""

    def __init__(self) -> None:
        self.steps = 0

    def spend(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise NeedsAlgebra

    def equal(self, reference: str, answer: str) -> bool | None:
        raise NeedsAlgebra

    def same_curve(self, reference: Relation, answer: Relation) -> bool | None:
        raise NeedsAlgebra

    def same_range(self, reference: Node, answer: Node) -> bool | None:
        raise NeedsAlgebra


def grade(reference: str, answer: str | None, prover: Prover) -> str:
    """`correct`, `incorrect` or `unparseable`. Both texts may be as a model or a file writes them: an answer
    announced by a box or a phrase is taken out of its sentence."""
    if answer is None:
        return "unparseable"
    try:
        left, right = read_answer(reference), read_answer(answer)
    except ValueError:
        return "unparseable"
    return {True: "correct", False: "incorrect", None: "unparseable"}[equal_answers(left, right, prover)]


def read_answer(text: str) -> str:
    """A normalized answer, out of its sentence. Raises ValueError for what cannot be one."""
    if len(text) <= LONGEST_TEXT and MARKED.search(text) and not LETTERED.match(text):
        text = last_answer(text) or text
    return normalize(text)


def equal_answers(reference: str, answer: str, prover: Prover) -> bool | None:
    """Whether two normalized answers are equal."""
    try:
        return compare(reference, answer, NoAlgebra())
    except NeedsAlgebra:
        return prover.equal(reference, answer)
    except RecursionError:
        return None
