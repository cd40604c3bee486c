"""PURE: metrics of step probabilities on labeled steps: first errors and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation import bootstrap, calibration, first_error
from app.evaluation.config import EvaluationConfig

Floats = NDArray[np.float64]
CLASSES = ("negative", "neutral", "positive")


@dataclass
class LabeledSolution:
    """A solution with the model's probabilities and the reference labels of its steps."""

    problem_id: int
    subset: str
    probabilities: Floats
    """[steps, 3]: negative, neutral, positive."""
    first_error: int | None
    ratings: list[int | None] | None


def first_error_metrics(solutions: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    """First-error F1 by subset and their mean, with intervals; None without labeled first errors."""
    labeled = [solution for solution in solutions if solution.first_error is not None]
    if not labeled:
        return None
    folds, subset_of = config.folds, np.array([solution.subset for solution in labeled])
    problems = np.array([solution.problem_id for solution in labeled])
    windows = first_error.threshold_windows(
        [solution.probabilities[:, 0] for solution in labeled], _truth(labeled)
    )
    subsets, spread = [], []
    for subset in sorted(set(subset_of)):
        in_subset = subset_of == subset
        dealt = first_error.assign_folds(problems[in_subset], folds, config.seed)
        hit, used = first_error.cross_tune(windows.subset(in_subset), dealt)
        accuracies = first_error.first_error_f1(hit, windows.wrong[in_subset])
        drawn = _resampled(hit, windows.wrong[in_subset], problems[in_subset], config)
        spread.append(drawn)
        subsets.append(
            {"name": subset, **accuracies, **_interval_bounds(drawn), "thresholds": sorted(used.values())}
        )
    return {
        "f1": first_error.mean_f1(subsets),
        **_interval_bounds(np.mean(spread, axis=0)),
        "subsets": subsets,
        "threshold": first_error.tune_threshold(windows),
        "solutions": len(labeled),
    }


def _truth(labeled: list[LabeledSolution]) -> list[int]:
    return [solution.first_error for solution in labeled if solution.first_error is not None]


def _resampled(hit: Any, wrong: Any, problems: Any, config: EvaluationConfig) -> Floats:
    """F1 of resampled problems; NaN if solutions with or without an error are missing."""
    _, place = np.unique(problems, return_inverse=True)
    kinds = np.stack([hit & wrong, wrong, hit & ~wrong, ~wrong], axis=1).astype(np.float64)
    by_problem = np.zeros((place.max() + 1, 4))
    np.add.at(by_problem, place, kinds)
    sums = bootstrap.draw_resamples(len(by_problem), times=config.resamples, seed=config.seed) @ by_problem
    with np.errstate(divide="ignore", invalid="ignore"):
        on_wrong, on_right = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
        both = on_wrong + on_right
        f1: Floats = np.where(both == 0, 0.0, 2 * on_wrong * on_right / both)
    return f1


def _interval_bounds(resampled: Floats) -> dict[str, float | None]:
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return {"low": None, "high": None}
    low, high = bootstrap.percentile_bounds(finite)
    return {"low": float(low), "high": float(high)}


def calibration_metrics(solutions: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    """Calibration on rated steps (three classes). With first errors only, two classes on the steps up to the
    first error. None without labels."""
    rated = [solution for solution in solutions if solution.ratings is not None]
    if rated:
        return _three_class(rated, config)
    labeled = [solution for solution in solutions if solution.first_error is not None]
    return _two_class(labeled, config) if labeled else None


def _three_class(rated: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    rows, truth, problems = [], [], []
    for solution in rated:
        for probabilities, rating in zip(solution.probabilities, solution.ratings or [], strict=False):
            if rating is not None:
                rows.append(probabilities)
                truth.append(rating + 1)
                problems.append(solution.problem_id)
    if not rows:
        return None
    return _report(np.stack(rows), truth, CLASSES, problems, config)


def _two_class(labeled: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any]:
    rows, truth, problems = [], [], []
    for solution in labeled:
        last = len(solution.probabilities) if solution.first_error == -1 else (solution.first_error or 0) + 1
        for position, probabilities in enumerate(solution.probabilities[:last]):
            rows.append([probabilities[0], 1 - probabilities[0]])
            truth.append(int(position != solution.first_error))
            problems.append(solution.problem_id)
    return _report(np.array(rows), truth, ("wrong", "not wrong"), problems, config)


def _report(
    rows: Floats, truth: list[int], names: tuple[str, ...], problems: list[int], config: EvaluationConfig
) -> dict[str, Any]:
    dealt = first_error.assign_folds(np.array(problems), config.folds, config.seed)
    return calibration.calibration_report(rows, np.array(truth), names, dealt)
