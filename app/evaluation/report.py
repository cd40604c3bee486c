"""PURE: the best-of-N part of an evaluation's results, as JSON.

Best-of-N, votes and pass@N; score variants; groups by level, subject and difficulty. Intervals are over
problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation import bootstrap, difficulty_bins, votes
from app.evaluation.best_of_n import best_of_n, max_n, n_grid, pass_at_n
from app.evaluation.config import EvaluationConfig
from app.evaluation.solution_scores import vote_weights

Floats = NDArray[np.float64]
MAX_GROUPS = 20


@dataclass
class EvaluatedProblem:
    """A problem with its graded solutions; `scores` has one row per score variant."""

    problem_id: int
    scores: Floats
    """[variants, solutions], natural logs; -inf for a missing score."""
    right: NDArray[np.bool_]
    answers: NDArray[np.int64]
    solution_ids: list[int] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    level: str | None = None
    subject: str | None = None


@dataclass
class ProblemPool:
    problems: list[EvaluatedProblem]
    ways: tuple[tuple[str, bool | None], ...]
    main: int
    """Index of the variant of the main curve."""


@dataclass
class Curves:
    n: NDArray[np.int64]
    values: dict[str, Floats]
    """By curve name, [problems, len(n)]."""
    ways: Floats
    """[variants, problems, len(n)]: best-of-N with each score variant."""
    mean_scores: Floats = field(default_factory=lambda: np.empty(0))


Tell = Callable[[str, int, int], None]


def compute_curves(pool: ProblemPool, config: EvaluationConfig, tell: Tell) -> Curves:
    """Every curve, problem by problem. `tell` hears how far it is, and may raise to end it."""
    problems = pool.problems
    right = [problem.right for problem in problems]
    n = n_grid(max_n([len(problem_right) for problem_right in right]))
    tell("best of N", 0, len(pool.ways))
    ways = np.stack(
        [best_of_n([problem.scores[way] for problem in problems], right, n) for way in range(len(pool.ways))]
    )
    values = {"best_of": ways[pool.main], "pass_at_n": pass_at_n(right, n)}
    voted: list[dict[str, Floats]] = []
    for place, problem in enumerate(problems):
        if place % 20 == 0:
            tell("votes", place, len(problems))
        voted.append(
            votes.vote_accuracies(
                problem.scores[pool.main],
                vote_weights(problem.scores[pool.main]),
                problem.answers,
                problem.right,
                n,
                subsets=config.subsets,
                seed=config.seed * 1_000_003 + problem.problem_id,
                k=config.top_k,
            )
        )
    values |= {name: np.stack([by_vote[name] for by_vote in voted]) for name in votes.VOTE_NAMES}
    means = np.array([vote_weights(problem.scores[pool.main]).mean() for problem in problems])
    return Curves(n, values, ways, means)


def build_report(pool: ProblemPool, curves: Curves, config: EvaluationConfig) -> dict[str, Any]:
    """The curves as JSON: means over problems with intervals, score variants and groups."""
    problems, rate = pool.problems, np.array([problem.right.mean() for problem in pool.problems])
    difficulty = {"difficulty, by pass@1": rate, "difficulty, as the model sees it": curves.mean_scores}
    half = np.random.default_rng(config.seed).permutation(len(problems)) % 2
    choice = {name: curves.values[name] for name in ("best_of", "majority", "weighted", "top_k")}
    best = difficulty_bins.compute_optimal_accuracy(
        choice, difficulty_bins.assign_bins(curves.mean_scores), half
    )
    counts = np.array([len(problem.right) for problem in problems])
    return {
        "problems": len(problems),
        "solutions": int(counts.sum()),
        "unscored": int(sum(np.isneginf(problem.scores[pool.main]).sum() for problem in problems)),
        "pass_at_1": float(rate.mean()),
        "n": curves.n.tolist(),
        "with_n": [int((counts >= n).sum()) for n in curves.n],
        "curves": {
            name: bootstrap.mean_interval(values, times=config.resamples, seed=config.seed).as_json()
            for name, values in {**curves.values, "compute_optimal": best}.items()
        },
        "ways": list(_ways(pool, curves, config)),
        "groups": list(_groups(pool, curves, difficulty, config)),
    }


def _ways(pool: ProblemPool, curves: Curves, config: EvaluationConfig) -> Iterator[dict[str, Any]]:
    for place, (aggregate, neutral) in enumerate(pool.ways):
        interval = bootstrap.mean_interval(
            curves.ways[place], times=config.resamples, seed=config.seed
        ).as_json()
        yield {"aggregate": aggregate, "neutral_is_positive": neutral, "main": place == pool.main, **interval}


def _groups(
    pool: ProblemPool, curves: Curves, difficulty: dict[str, Floats], config: EvaluationConfig
) -> Iterator[dict[str, Any]]:
    """Curves of each group by level, subject and difficulty."""
    named: dict[str, Sequence[str | None]] = {
        "level": [problem.level for problem in pool.problems],
        "subject": [problem.subject for problem in pool.problems],
    }
    ordered = {by: sorted({name for name in names if name}) for by, names in named.items()}
    for by, values in difficulty.items():
        named[by], ordered[by] = _ranges(values)
    for by, names in named.items():
        for name in ordered[by][:MAX_GROUPS]:
            members = np.array([label == name for label in names])
            yield {"by": by, "name": name, "problems": int(members.sum()), **_group(curves, members, config)}


def _ranges(values: Floats) -> tuple[list[str], list[str]]:
    """The bin name of each problem, and the bin names, easiest first. A name is a range of values."""
    place = difficulty_bins.assign_bins(values)
    names = {}
    for bin_number in np.unique(place):
        low, high = values[place == bin_number].min(), values[place == bin_number].max()
        names[bin_number] = f"{high:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{high:.0%} to {low:.0%}"
    return [names[bin_number] for bin_number in place], list(dict.fromkeys(names.values()))


def _group(curves: Curves, members: NDArray[np.bool_], config: EvaluationConfig) -> dict[str, Any]:
    drawn = bootstrap.mean_interval(
        curves.values["best_of"][members], times=config.resamples, seed=config.seed
    )
    return {
        "best_of": drawn.as_json(),
        **{
            name: bootstrap.round_values(curves.values[name][members].mean(axis=0))
            for name in ("majority", "pass_at_n")
        },
    }


def problem_rows(pool: ProblemPool, curves: Curves) -> Iterator[dict[str, Any]]:
    """Rows of evaluation_problem, which comparisons use."""
    for place, problem in enumerate(pool.problems):
        yield {
            "problem_id": problem.problem_id,
            "solutions": len(problem.right),
            "correct": int(problem.right.sum()),
            "mean_score": float(curves.mean_scores[place]),
            "metrics": {
                "n": curves.n.tolist(),
                **{name: bootstrap.round_values(values[place]) for name, values in curves.values.items()},
            },
        }
