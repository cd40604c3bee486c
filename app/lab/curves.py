"""PURE: accuracy by budget, method and difficulty, from the results of each problem (Snell et al. 2024,
sections 3.2 and 5.3).

Problems are divided into five bins by pass@1 (oracle) or by the mean score of their samples (predicted, no
reference needed). Compute-optimal: for each bin and budget, the best method on one half of the problems,
measured on the other half, in both directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation import bootstrap, difficulty_bins
from app.evaluation.best_of_n import pass_at_n
from app.lab.config import SweepConfig

Floats = NDArray[np.float64]
MISSING = -1.0
"""A method that is not available at a budget is never the best."""
KINDS = {"oracle": "pass_at_1", "predicted": "mean_score"}


def build_results(rows: list[dict[str, Any]], config: SweepConfig) -> dict[str, Any]:
    """`rows`: `ProblemResult.metrics` of at least one problem."""
    budgets = config.budgets
    right = {name: outcome_array(rows, "right", name) for name in config.strategies}
    half = np.random.default_rng(config.seed).permutation(len(rows)) % 2
    shown = {name: _interval(values, config) for name, values in right.items()}
    results: dict[str, Any] = {
        "problems": len(rows),
        "budgets": budgets,
        "pass_at_1": float(np.mean([row["pass_at_1"] for row in rows])),
        "sample_tokens": float(np.mean([row["sample_tokens"] for row in rows])),
        "curves": shown,
        "pass_at_n": _interval(_pass_at_n(rows, config), config),
        "bins": {},
        "optimal": {},
        "tokens": {name: _means(outcome_array(rows, "tokens", name)) for name in config.strategies},
        "read": {name: _means(outcome_array(rows, "read", name)) for name in config.strategies},
    }
    for kind, measure in KINDS.items():
        bin_of = difficulty_bins.assign_bins(np.array([row[measure] for row in rows]))
        results["optimal"][kind] = _interval(compute_optimal_curve(right, bin_of, half), config)
        results["bins"][kind] = list(map(_bin, *_by_bin(right, bin_of, budgets)))
    return results


def outcome_array(rows: list[dict[str, Any]], measure: str, strategy: str) -> Floats:
    """[problems, budgets]; NaN where the method is not available."""
    return np.array([row[measure][strategy] for row in rows], dtype=np.float64)


def compute_optimal_curve(
    right: dict[str, Floats], bin_of: NDArray[np.int64], half: NDArray[np.int64]
) -> Floats:
    """[problems, budgets] of the method selected for the bin of each problem on the other half."""
    values = {name: np.where(np.isnan(accuracy), MISSING, accuracy) for name, accuracy in right.items()}
    optimal = difficulty_bins.compute_optimal_accuracy(values, bin_of, half)
    return np.where(optimal == MISSING, np.nan, optimal)


def _pass_at_n(rows: list[dict[str, Any]], config: SweepConfig) -> Floats:
    """pass@N, the upper bound of any selection."""
    right = [np.arange(config.most) < row["samples_right"] for row in rows]
    return pass_at_n(right, np.array(config.budgets))


def _interval(values: Floats, config: SweepConfig) -> dict[str, list[float | None]]:
    """By budget; None where the method is not available. Availability is the same for all problems."""
    available = ~np.isnan(values).any(0)
    interval = bootstrap.mean_interval(
        values[:, available], times=config.resamples, seed=config.seed
    ).as_json()
    return {part: _percentiles(interval[part], available) for part in ("mean", "low", "high")}


def _means(values: Floats) -> list[float | None]:
    available = ~np.isnan(values).any(0)
    return _percentiles(values[:, available].mean(axis=0).tolist(), available)


def _percentiles(values: list[float], available: Any) -> list[float | None]:
    left = iter(values)
    return [next(left) if is_available else None for is_available in available]


def _by_bin(
    right: dict[str, Floats], bin_of: NDArray[np.int64], budgets: list[int]
) -> tuple[list[int], list[int], list[dict[str, list[float | None]]]]:
    numbers = sorted({int(bin_number) for bin_number in bin_of})
    counts = [int((bin_of == number).sum()) for number in numbers]
    values = [
        {name: _means(accuracy[bin_of == number]) for name, accuracy in right.items()} for number in numbers
    ]
    return numbers, counts, values


def _bin(number: int, count: int, values: dict[str, list[float | None]]) -> dict[str, Any]:
    """`best`: by budget, the first method with the highest mean over all problems of the bin."""
    columns = zip(*values.values(), strict=True)
    best = []
    for column in columns:
        measured = [(value, -place) for place, value in enumerate(column) if value is not None]
        best.append(list(values)[-max(measured)[1]] if measured else None)
    return {"bin": number, "problems": count, "right": values, "best": best}
