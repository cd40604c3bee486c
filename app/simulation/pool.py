"""The pool as candidates of a selection, the labels of its solutions, and the gate of a selector."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence

import numpy as np

from app.prm.examples import Example
from app.selection.gate import GateConfig, GateResult, ProblemAccuracy, check_selector
from app.selection.score_orders import ScoredSolution
from app.selection.step_uncertainty import StepCorrectness, step_correctness
from app.simulation import policy_ranking
from app.simulation.accuracy import Scores, best_of_n_by_problem, majority_accuracies
from app.simulation.config import SimulationConfig
from app.simulation.datasets import SampledProblem, Steps
from app.simulation.policies import BASELINE
from app.world.kinds import WORLDS
from app.world.kinds.base import flip_ratings, up_to_first_error

Labeler = Callable[[SampledProblem, Steps], Sequence[int]]
"""Ratings of the steps up to the first error."""


class Pool:
    """Solutions have the numbers of their places in `rows`."""

    def __init__(
        self, config: SimulationConfig, sampled: Sequence[SampledProblem], labeler: Labeler | None = None
    ) -> None:
        self.config, self.sampled, self.labeler = config, sampled, labeler
        queueable = sampled[: len(sampled) - config.validation_problems]
        self.validation = sampled[len(queueable) :]
        self.rows = [(problem, steps) for problem, item in enumerate(queueable) for steps in item.samples]
        self.texts: dict[int, Steps] = {place: steps for place, (_, steps) in enumerate(self.rows)}
        self.unscored = [
            ScoredSolution(place, problem, _digest(steps), sampled[problem].verdict(steps), 0.0)
            for place, (problem, steps) in enumerate(self.rows)
        ]

    def candidates(self, scores: Scores | None) -> tuple[list[ScoredSolution], StepCorrectness]:
        """Parseable solutions with their scores and step probabilities. Without a selector, all scores are
        0; with one, solutions that it could not score are left out."""
        parseable = [row for row in self.unscored if row.verdict != "unparseable"]
        if scores is None:
            return parseable, {}
        scored, correctness = [], {}
        for row in parseable:
            problem, steps = self.rows[row.solution_id]
            if values := scores.get((self.sampled[problem].statement, steps)):
                scored.append(
                    ScoredSolution(row.solution_id, problem, row.digest, row.verdict, values.log_score)
                )
                correctness[row.solution_id] = step_correctness(values.step_probs)
        return scored, correctness

    def initial_solutions(self) -> list[int]:
        """A random sample, the same for every policy, so that policies are paired."""
        return self.select(BASELINE, None, [], self.config.initial_labels, 1, self.config.seed)

    def select(
        self,
        policy: str,
        scores: Scores | None,
        queued: Sequence[int],
        size: int,
        per_problem: int,
        seed: int,
    ) -> list[int]:
        candidates, correctness = self.candidates(scores)
        taken = [self.unscored[place] for place in queued]
        return policy_ranking.select(
            policy, candidates, size, per_problem, seed, correctness, self.texts, taken
        )

    def check_selector(self, scores: Scores) -> GateResult:
        """The gate of a round, on the validation problems."""
        largest = np.array([max(len(item.samples) for item in self.validation)])
        best = best_of_n_by_problem(self.validation, scores, largest)
        problems = [
            ProblemAccuracy(
                len(item.samples),
                sum(map(item.is_correct, item.samples)) / len(item.samples),
                float(accuracy[-1]),
                float(majority_accuracies(item, largest, self.config.seed)[-1]),
            )
            for item, accuracy in zip(self.validation, best, strict=True)
        ]
        return check_selector(problems, int(largest[0]), GateConfig(min_problems=2))

    def label(self, solution: int) -> Example:
        """Up to the first error: by the labeler, or by the world with label noise."""
        problem, steps = self.rows[solution]
        item = self.sampled[problem]
        ratings = self.labeler(item, steps) if self.labeler else self._noisy_ratings(solution)
        return Example(item.statement, list(steps[: len(ratings)]), list(ratings))

    def _noisy_ratings(self, solution: int) -> Sequence[int]:
        problem, steps = self.rows[solution]
        truth = WORLDS[self.config.world].rate(self.sampled[problem].problem, steps)
        chance = random.Random(f"{self.config.seed} label {solution}")  # noqa: S311
        return up_to_first_error(flip_ratings(truth, self.config.label_noise, chance))


def _digest(steps: Steps) -> bytes:
    return hashlib.blake2b("\n".join(steps).encode(), digest_size=8).digest()
