"""PURE: is an answer equal to the reference? Right, wrong, or unparseable, which is not wrong.

Equal spellings and plain numbers are decided here, exactly. The rest goes to math-verify
0.9.0, which runs in a process that can be killed (pool.py), behind guards for its known
false positives: numbers are compared again with 50 digits (it calls 1/2004! and 1/2006!
equal), a number with a base stated is not the number without (11_2 and 11). It is not
symmetric; either direction counts, because the guards ask both ways. Docs: docs/answers.md."""

from __future__ import annotations

import re
from typing import Protocol

from app.answers.normalise import members, normalise, plain_number, squeezed

GRADER = "stepmark-math-verify"
VERSION = "1 (math-verify 0.9.0)"
MOST_MEMBERS = 12
BASE = re.compile(r"^(-?[0-9A-Za-z]+)_\{?(?:\\text\{)?(\d{1,2})\}?\}?$")
WORD = re.compile(r"[A-Za-z][A-Za-z ]*$")


class Prover(Protocol):
    def equal(self, reference: str, answer: str) -> bool | None:
        """Are two normalised answers equal? None: it could not be told in time or at all."""


def grade(reference: str, answer: str | None, prover: Prover) -> str:
    """`right`, `wrong` or `unparseable`."""
    if answer is None:
        return "unparseable"
    try:
        left, right = normalise(reference), normalise(answer)
    except ValueError:
        return "unparseable"
    return {True: "right", False: "wrong", None: "unparseable"}[_equal(left, right, prover)]


def _equal(reference: str, answer: str, prover: Prover) -> bool | None:
    if squeezed(reference) == squeezed(answer):
        return True
    one, other = plain_number(reference), plain_number(answer)
    if one is not None and other is not None:
        return one == other
    if (based := _based(reference, answer)) is not None:
        return based
    if WORD.match(reference) and WORD.match(answer) and len(reference) > 1 < len(answer):
        return False  # words, and not the same
    some, others = members(reference), members(answer)
    if some is not None and others is not None:
        return _same_members(some, others, prover)
    return prover.equal(reference, answer)


def _based(reference: str, answer: str) -> bool | None:
    """Numbers with a base, as MATH writes them: 11_2 is neither 11 nor 3. A base on one side
    only is a wrong answer to a question that asked for it."""
    one, other = BASE.match(reference.replace(" ", "")), BASE.match(answer.replace(" ", ""))
    if one is None and other is None:
        return None
    if one is None or other is None:
        return False
    try:
        return one[2] == other[2] and int(one[1], int(one[2])) == int(other[1], int(other[2]))
    except ValueError:
        return False


def _same_members(some: list[str], others: list[str], prover: Prover) -> bool | None:
    """Order does not matter, how often does."""
    if len(some) != len(others):
        return False
    if len(some) > MOST_MEMBERS:
        return sorted(map(squeezed, some)) == sorted(map(squeezed, others))
    left, unsure = list(others), False
    for each in some:
        for candidate in left:
            found = _equal(each, candidate, prover)
            unsure |= found is None
            if found:
                left.remove(candidate)
                break
        else:
            return None if unsure else False
    return True
