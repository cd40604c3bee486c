"""PURE: the final answers of a problem as small integers, equal for equal answers. Votes count them.

Correct answers are class 0, the reference answer. Incorrect answers are grouped by spelling and exact
number (app.answers.normalize). The grader's prover then compares the MAX_CLASSES most frequent groups
pairwise and merges equal ones; rarer spellings stay separate. Class -1 is a missing or unparseable
answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from app.answers.grade import Prover
from app.answers.normalize import normalize, squeezed
from app.answers.numbers import plain_number
from app.answers.units import split_unit

REFERENCE, NONE = 0, -1
MAX_CLASSES = 8
"""Number of groups that the prover compares pairwise: at most 28 comparisons per problem."""


def answer_classes(
    answers: Sequence[str | None], verdicts: Sequence[str | None], prover: Prover
) -> list[int]:
    """The class of each solution of one problem, in the order of `answers`."""
    spelled = [
        _spelling(answer) if verdict == "incorrect" else None
        for answer, verdict in zip(answers, verdicts, strict=True)
    ]
    frequent = Counter(spelling for spelling in spelled if spelling is not None).most_common()
    class_of: dict[str, int] = {}
    for number, (spelling, _) in enumerate(frequent[:MAX_CLASSES], REFERENCE + 1):
        class_of[spelling] = number
    for first, other in combinations([spelling for spelling, _ in frequent[:MAX_CLASSES]], 2):
        if class_of[first] != class_of[other] and prover.equal(first, other):
            joined, gone = sorted((class_of[first], class_of[other]))
            class_of = {
                spelling: joined if number == gone else number for spelling, number in class_of.items()
            }
    for number, (spelling, _) in enumerate(frequent[MAX_CLASSES:], REFERENCE + 1 + MAX_CLASSES):
        class_of[spelling] = number
    return [
        REFERENCE if verdict == "correct" else NONE if spelling is None else class_of[spelling]
        for spelling, verdict in zip(spelled, verdicts, strict=True)
    ]


def _spelling(answer: str | None) -> str | None:
    """Text that is equal for answers with the same normalized text or the same number."""
    try:
        normal = normalize(answer or "")
    except ValueError:
        return None
    number = plain_number(split_unit(normal).value)
    return squeezed(normal) if number is None else str(number)
