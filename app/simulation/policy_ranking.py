"""What each policy would label next. Those that a round can follow go through selection.strategy, as
rounds do; the others are orders of use, tried here alone. The rules of every queue (one of twins, a cap
per problem, no unparseable answer) are selection.strategy's for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from app.prm.predict import SolutionScores
from app.selection.step_uncertainty import StepTexts, step_correctness
from app.selection.strategies import ScoredSolution, SelectionState, fill_by_shares, fill_places, score_order
from app.simulation.shares import SHARES

Probabilities = dict[int, list[float]]
"""By solution id, how right the selector holds each step."""


def correct(scored: SolutionScores) -> list[float]:
    """p(positive) + p(neutral) by step, from flat step probabilities."""
    return step_correctness(scored.step_probs)


def pick(
    policy: str,
    candidates: Sequence[ScoredSolution],
    size: int,
    per_problem: int,
    seed: int,
    steps: Probabilities,
    texts: StepTexts,
    taken: Sequence[ScoredSolution] = (),
) -> list[int]:
    """Solution ids, at most `size`. `taken` were queued before: neither they nor their twins are
    chosen again. Places that are left when wrong answers run out go to the most convincing of the rest."""
    gone = {one.duplicate_key for one in taken}
    left = sorted((one for one in candidates if one.duplicate_key not in gone), key=score_order)
    book = SelectionState(per_problem)
    if policy in SHARES:
        fill_by_shares(book, left, size, SHARES[policy], seed, steps, texts)
    else:
        use = ORDERS[policy](left, steps)
        name = "most_convincing" if policy in ANY_VERDICT else "convincing_wrong"
        fill_places(book, name, size, sorted(left, key=lambda one: (-use[one.solution_id], one.solution_id)))
    fill_places(book, "most_convincing", size - len(book.selections), left)
    return [each.solution_id for each in book.selections]


def uncertainty(left: Sequence[ScoredSolution], steps: Probabilities) -> dict[int, float]:
    """Closest to even odds of being right throughout (Duan et al. 2025 take disagreement or this)."""
    return {one.solution_id: -abs(math.exp(one.log_score) - 0.5) for one in left}


def entropy(left: Sequence[ScoredSolution], steps: Probabilities) -> dict[int, float]:
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


def hardest(left: Sequence[ScoredSolution], steps: Probabilities) -> dict[int, float]:
    """Wrong answers that beat every right answer of their problem, by how much: those that cost the
    best-of-N its problem. A problem without a right answer counts what is wrong against even odds."""
    best: dict[int, float] = {}
    for one in left:
        if one.verdict == "correct":
            best[one.problem_id] = max(best.get(one.problem_id, -math.inf), one.log_score)
    return {one.solution_id: one.log_score - best.get(one.problem_id, math.log(0.5)) for one in left}


Order = Callable[[Sequence[ScoredSolution], Probabilities], dict[int, float]]
ORDERS: dict[str, Order] = {"uncertainty": uncertainty, "entropy": entropy, "hardest": hardest}
ANY_VERDICT = ("uncertainty",)
"""Orders that ask for no wrong answer."""
