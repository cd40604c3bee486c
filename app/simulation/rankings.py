"""Rankings that only simulations have: orders of use that were tried there and are not offered in rounds.
Importable without torch. Each gives a number by solution id; the highest is labeled first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.selection.score_orders import ScoredSolution
from app.selection.step_uncertainty import StepCorrectness

Ranking = Callable[[Sequence[ScoredSolution], StepCorrectness], dict[int, float]]


@dataclass(frozen=True)
class SimulatedRanking:
    id: str
    label: str
    rank: Ranking
    strategy: str = "convincing_wrong"
    """The strategy whose verdicts the ranking is limited to."""


def uncertain_solution(left: Sequence[ScoredSolution], correctness: StepCorrectness) -> dict[int, float]:
    """Scores nearest to 0.5 first (Duan et al. 2025 use this or the disagreement of an ensemble)."""
    return {row.solution_id: -abs(math.exp(row.log_score) - 0.5) for row in left}


def convincing_entropy(left: Sequence[ScoredSolution], correctness: StepCorrectness) -> dict[int, float]:
    """An incorrect answer has a first error. The entropy of its position, in nats, times the root of the
    solution score: a label is worth most where the selector is misled and does not know by which step."""
    return {
        row.solution_id: math.sqrt(math.exp(row.log_score))
        * first_error_entropy(correctness[row.solution_id])
        for row in left
    }


def first_error_entropy(correctness: Sequence[float]) -> float:
    """Entropy in nats of the position of the first error, given that there is one. correctness:
    p(correct) by step, in [0, 1]."""
    reached, probabilities = 1.0, []
    for value in correctness:
        probabilities.append(reached * (1 - value))
        reached *= value
    total = math.fsum(probabilities)
    if total <= 0:
        return math.log(len(correctness)) if correctness else 0.0
    return -math.fsum(p / total * math.log(p / total) for p in probabilities if p > 0)


def hard_problems(left: Sequence[ScoredSolution], correctness: StepCorrectness) -> dict[int, float]:
    """By how much an incorrect answer beats every correct answer of its problem, in log score: such
    answers make best-of-N fail. In a problem without a correct answer, by how much it beats 0.5."""
    best: dict[int, float] = {}
    for row in left:
        if row.verdict == "correct":
            best[row.problem_id] = max(best.get(row.problem_id, -math.inf), row.log_score)
    return {row.solution_id: row.log_score - best.get(row.problem_id, math.log(0.5)) for row in left}


RANKINGS = (
    SimulatedRanking(
        "uncertain_solution", "Scores nearest to 0.5", uncertain_solution, strategy="most_convincing"
    ),
    SimulatedRanking(
        "first_error_entropy", "Convincing wrong answers, first error unclear", convincing_entropy
    ),
    SimulatedRanking(
        "hard_problems", "Convincing wrong answers of problems the selector gets wrong", hard_problems
    ),
)
