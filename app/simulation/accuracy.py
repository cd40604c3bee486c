"""How well scores select solutions of a test set: best-of-N and step accuracy, and the baselines without
scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation.best_of_n import best_of_n
from app.evaluation.votes import vote_accuracies
from app.prm.predict import SolutionScores
from app.selection.step_uncertainty import step_correctness
from app.simulation.datasets import SampledProblem, Steps
from app.world.kinds.base import World, final_answer, up_to_first_error

N = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
SUBSETS = 100
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Scores = dict[tuple[str, Steps], SolutionScores | None]
"""By statement and steps; None if a model could not score the solution."""


def sample_sizes(test: Sequence[SampledProblem]) -> Ints:
    """The values of N up to the number of samples."""
    return N[: int(np.searchsorted(N, max(len(item.samples) for item in test), side="right"))]


def correct_samples(test: Sequence[SampledProblem]) -> list[NDArray[np.bool_]]:
    return [np.array([item.is_correct(steps) for steps in item.samples]) for item in test]


def best_of_n_by_problem(test: Sequence[SampledProblem], scores: Scores, sizes: Ints) -> Floats:
    """[problems, sizes]. Solutions without a score or an answer are never picked."""
    logs = [
        np.array([_log_score(scores.get((item.statement, steps)), steps) for steps in item.samples])
        for item in test
    ]
    return best_of_n(logs, correct_samples(test), sizes).round(5)


def _log_score(scored: SolutionScores | None, steps: Steps) -> float:
    return -np.inf if scored is None or final_answer(steps) is None else scored.log_score


def measure(world: World, test: Sequence[SampledProblem], scores: Scores) -> dict[str, Any]:
    """`best_of` as [problems][n], and `step_accuracy`: the share of steps up to the first error that the
    model tells correct from incorrect, over the different samples."""
    sizes = sample_sizes(test)
    hits = np.array([_count_step_hits(world, item, scores) for item in test]).sum(0)
    return {
        "n": sizes.tolist(),
        "best_of": best_of_n_by_problem(test, scores, sizes).tolist(),
        "step_accuracy": round(float(hits[0] / max(1, hits[1])), 4),
    }


def _count_step_hits(world: World, item: SampledProblem, scores: Scores) -> tuple[int, int]:
    hits = total = 0
    for steps in set(item.samples):
        if scored := scores.get((item.statement, steps)):
            truth = up_to_first_error(world.rate(item.problem, steps))
            correctness = step_correctness(scored.step_probs)
            hits += sum((p > 0.5) == (t >= 0) for p, t in zip(correctness, truth, strict=False))
            total += len(truth)
    return hits, total


def majority_accuracies(item: SampledProblem, sizes: Ints, seed: int) -> Floats:
    """[sizes]: the probability that the majority vote of so many samples is correct."""
    answers = [final_answer(steps) for steps in item.samples]
    number_of = {answer: number for number, answer in enumerate(sorted(filter(None, answers)))}
    classes = np.array([number_of[answer] if answer else -1 for answer in answers])
    equal = np.zeros(len(classes))
    (correct,) = correct_samples([item])
    return vote_accuracies(equal, equal, classes, correct, sizes, subsets=SUBSETS, seed=seed, k=1)["majority"]
