"""What each policy would label next: candidates in order of use, and the rules of every queue
(one of twins, a cap per problem, no unparseable answer) from selection.strategy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from app.prm.predict import Scored
from app.selection.config import PAPER
from app.selection.strategy import Book, Candidate, choose, fill

Probabilities = dict[int, list[float]]
"""By solution id, how right the selector holds each step."""
Texts = Mapping[int, Sequence[str]]
"""By solution id, what its steps say."""


def correct(scored: Scored) -> list[float]:
    """p(positive) + p(neutral) by step, from flat step probabilities."""
    return [1 - scored.step_probs[at] for at in range(0, len(scored.step_probs), 3)]


def pick(
    policy: str,
    candidates: Sequence[Candidate],
    size: int,
    per_problem: int,
    seed: int,
    steps: Probabilities,
    texts: Texts,
    taken: Sequence[Candidate] = (),
) -> list[int]:
    """Solution ids, at most `size`. `taken` were queued before: neither they nor their twins are
    chosen again. Policies without a share of their own are given their order here."""
    gone = {(one.problem_id, one.twin) for one in taken}
    left = [one for one in candidates if (one.problem_id, one.twin) not in gone]
    if policy in ("uniform", "paper", "iterated", "gated"):
        shares = {"uniform": 1.0} if policy == "uniform" else PAPER
        return [each.solution_id for each in choose(left, size, shares, per_problem, seed)]
    if policy == "mixture":
        shares = {name: share / 2 for name, share in PAPER.items()} | {"uniform": 0.5}
        return [each.solution_id for each in choose(left, size, shares, per_problem, seed)]
    use = ORDERS[policy](left, steps, texts)
    book = Book(per_problem)
    name = "most_convincing" if policy in ANY_VERDICT else "convincing_wrong"
    rest = fill(
        book,
        name,
        size,
        sorted(left, key=lambda one: (-use.get(one.solution_id, -math.inf), one.solution_id)),
    )
    fill(book, "most_convincing", rest, sorted(left, key=lambda one: -one.log_score))
    return [each.solution_id for each in book.picks]


def uncertainty(left: Sequence[Candidate], steps: Probabilities, texts: Texts) -> dict[int, float]:
    """Closest to even odds of being right throughout (Duan et al. 2025 take disagreement or this)."""
    return {one.solution_id: -abs(math.exp(one.log_score) - 0.5) for one in left}


def entropy(left: Sequence[Candidate], steps: Probabilities, texts: Texts) -> dict[int, float]:
    """A wrong answer has a first error somewhere; how unclear is it where? Entropy in nats of its
    place given that there is one, times how convincing the solution is on the whole: a label is worth
    most where the selector is taken in, and does not know by what."""
    return {
        one.solution_id: math.sqrt(math.exp(one.log_score)) * first_error_entropy(steps[one.solution_id])
        for one in left
    }


def first_error_entropy(right: Sequence[float]) -> float:
    """Entropy of the place of the first error, given that there is one. right: by step, in [0, 1]."""
    before, places = 1.0, []
    for value in right:
        places.append(before * (1 - value))
        before *= value
    total = math.fsum(places)
    if total <= 0:
        return math.log(len(right)) if right else 0.0
    return -math.fsum(each / total * math.log(each / total) for each in places if each > 0)


def hardest(left: Sequence[Candidate], steps: Probabilities, texts: Texts) -> dict[int, float]:
    """Wrong answers that beat every right answer of their problem, by how much: those that cost the
    best-of-N its problem. A problem without a right answer counts what is wrong against even odds."""
    best: dict[int, float] = {}
    for one in left:
        if one.verdict == "right":
            best[one.problem_id] = max(best.get(one.problem_id, -math.inf), one.log_score)
    return {one.solution_id: one.log_score - best.get(one.problem_id, math.log(0.5)) for one in left}


def spread(left: Sequence[Candidate], steps: Probabilities, texts: Texts) -> dict[int, float]:
    """Convincing wrong answers, each by a step that is suspected in no other before it comes to a
    second by any: a selector is taken in by the same step many times over."""
    wrong = sorted((one for one in left if one.verdict == "wrong"), key=lambda one: -one.log_score)
    return _in_turn(
        [(one.solution_id, texts[one.solution_id][_suspect(steps[one.solution_id])]) for one in wrong]
    )


def unsure(left: Sequence[Candidate], steps: Probabilities, texts: Texts) -> dict[int, float]:
    """Right or wrong, by the step the selector is least sure of, a different step each time. A label
    reaches a step only if nothing before it is false, so doubt counts by the odds of getting there."""
    found = []
    for one in left:
        reached, best = 1.0, (0.0, 0)
        for place, right in enumerate(steps[one.solution_id]):
            best = max(best, (reached * right * (1 - right), -place))
            reached *= right
        found.append((best[0], one.solution_id, texts[one.solution_id][-best[1]]))
    found.sort(key=lambda each: (-each[0], each[1]))
    return _in_turn([(solution, step) for _, solution, step in found])


def _suspect(right: Sequence[float]) -> int:
    """Where the first error most likely is, given that there is one."""
    before, best = 1.0, (-1.0, 0)
    for place, value in enumerate(right):
        best = max(best, (before * (1 - value), -place))
        before *= value
    return -best[1]


def _in_turn(ordered: Sequence[tuple[int, str]]) -> dict[int, float]:
    """Use by solution id of (solution, step), best first: the first of every step, then the seconds."""
    seen: Counter[str] = Counter()
    found = {}
    for place, (solution, step) in enumerate(ordered):
        found[solution] = -float(seen[step]) - place / (len(ordered) + 1)
        seen[step] += 1
    return found


Order = Callable[[Sequence[Candidate], Probabilities, Texts], dict[int, float]]
ORDERS: dict[str, Order] = {
    "uncertainty": uncertainty,
    "entropy": entropy,
    "hardest": hardest,
    "spread": spread,
    "unsure": unsure,
}
ANY_VERDICT = ("uncertainty", "unsure")
"""Policies that ask for no wrong answer; of the others a solution that is not wrong is not in `use`."""
