"""PURE: how well a model judges steps that people judged: first errors and calibration."""

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
    """A solution with what the model and what people say of its steps."""

    problem_id: int
    subset: str
    probabilities: Floats
    """[steps, 3]: negative, neutral, positive."""
    first_error: int | None
    ratings: list[int | None] | None


def first_error_metrics(solutions: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    """F1 by subset, and their plain mean, each with an interval; null where nobody said."""
    known = [each for each in solutions if each.first_error is not None]
    if not known:
        return None
    folds, subset_of = config.folds, np.array([each.subset for each in known])
    problems = np.array([each.problem_id for each in known])
    found = first_error.threshold_windows([each.probabilities[:, 0] for each in known], _truth(known))
    subsets, spread = [], []
    for subset in sorted(set(subset_of)):
        here = subset_of == subset
        dealt = first_error.assign_folds(problems[here], folds, config.seed)
        hit, used = first_error.cross_tune(found.subset(here), dealt)
        said = first_error.first_error_f1(hit, found.wrong[here])
        drawn = _resampled(hit, found.wrong[here], problems[here], config)
        spread.append(drawn)
        subsets.append(
            {"name": subset, **said, **_interval_bounds(drawn), "thresholds": sorted(used.values())}
        )
    return {
        "f1": first_error.mean_f1(subsets),
        **_interval_bounds(np.mean(spread, axis=0)),
        "subsets": subsets,
        "threshold": first_error.tune_threshold(found),
        "solutions": len(known),
    }


def _truth(known: list[LabeledSolution]) -> list[int]:
    return [each.first_error for each in known if each.first_error is not None]


def _resampled(hit: Any, wrong: Any, problems: Any, config: EvaluationConfig) -> Floats:
    """F1 of resampled problems; not a number where a kind of solution is missing."""
    _, place = np.unique(problems, return_inverse=True)
    kinds = np.stack([hit & wrong, wrong, hit & ~wrong, ~wrong], axis=1).astype(np.float64)
    by_problem = np.zeros((place.max() + 1, 4))
    np.add.at(by_problem, place, kinds)
    sums = bootstrap.draw_resamples(len(by_problem), times=config.resamples, seed=config.seed) @ by_problem
    with np.errstate(divide="ignore", invalid="ignore"):
        on_wrong, on_right = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
        both = on_wrong + on_right
        found: Floats = np.where(both == 0, 0.0, 2 * on_wrong * on_right / both)
    return found


def _interval_bounds(resampled: Floats) -> dict[str, float | None]:
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return {"low": None, "high": None}
    low, high = bootstrap.percentile_bounds(known)
    return {"low": float(low), "high": float(high)}


def calibration_metrics(solutions: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    """Calibration on steps that people rated, three classes; where only first errors are known,
    two (wrong or not) on the steps up to the first error. Null where there are none."""
    rated = [each for each in solutions if each.ratings is not None]
    if rated:
        return _three_class(rated, config)
    known = [each for each in solutions if each.first_error is not None]
    return _two_class(known, config) if known else None


def _three_class(rated: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any] | None:
    rows, truth, problems = [], [], []
    for each in rated:
        for said, rating in zip(each.probabilities, each.ratings or [], strict=False):
            if rating is not None:
                rows.append(said)
                truth.append(rating + 1)
                problems.append(each.problem_id)
    if not rows:
        return None
    return _report(np.stack(rows), truth, CLASSES, problems, config)


def _two_class(known: list[LabeledSolution], config: EvaluationConfig) -> dict[str, Any]:
    rows, truth, problems = [], [], []
    for each in known:
        last = len(each.probabilities) if each.first_error == -1 else (each.first_error or 0) + 1
        for position, said in enumerate(each.probabilities[:last]):
            rows.append([said[0], 1 - said[0]])
            truth.append(int(position != each.first_error))
            problems.append(each.problem_id)
    return _report(np.array(rows), truth, ("wrong", "not wrong"), problems, config)


def _report(
    rows: Floats, truth: list[int], names: tuple[str, ...], problems: list[int], config: EvaluationConfig
) -> dict[str, Any]:
    dealt = first_error.assign_folds(np.array(problems), config.folds, config.seed)
    return calibration.calibration_report(rows, np.array(truth), names, dealt)
