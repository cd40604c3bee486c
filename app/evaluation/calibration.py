"""PURE: are the probabilities of steps what they say? Reliability curve and expected calibration
error for each class (Guo et al. 2017, section 2, class by class as Nixon et al. 2019 propose),
and temperature scaling: one number that all logits are divided by, fitted on data that is not
scored (Guo et al. 2017, section 4.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = 10
SMALLEST = 1e-12
COLDEST, HOTTEST = 0.05, 20.0


def reliability_bins(claimed: Floats, happened: NDArray[np.bool_], bins: int = BINS) -> dict[str, Any]:
    """The curve over `bins` equal ranges of the claimed probability (empty ones left out): its
    mean claim, how often it happened, how many; and the expected calibration error, the mean
    gap between the two weighted by how many."""
    place = np.minimum((claimed * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = count > 0
    claim = np.bincount(place, weights=claimed, minlength=bins)[used] / count[used]
    rate = np.bincount(place, weights=happened, minlength=bins)[used] / count[used]
    gap = float((np.abs(claim - rate) * count[used]).sum() / max(len(claimed), 1))
    return {
        "claimed": [round(float(value), 6) for value in claim],
        "happened": [round(float(value), 6) for value in rate],
        "steps": [int(value) for value in count[used]],
        "ece": gap,
    }


def scale_probabilities(probabilities: Floats, temperature: float) -> Floats:
    """[steps, classes] as they would be with every logit over `temperature`."""
    logs = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    raised = np.exp(logs)
    normalized: Floats = raised / raised.sum(axis=1, keepdims=True)
    return normalized


def log_loss(probabilities: Floats, truth: Ints) -> float:
    """Mean negative log likelihood of the true class, in nats."""
    likelihood = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(likelihood, SMALLEST)).mean())


def fit_temperature(probabilities: Floats, truth: Ints) -> float:
    """The temperature with the least loss, found on its log: the loss is convex in the inverse
    temperature, so it has one minimum. 1 without anything to fit."""
    if not len(truth):
        return 1.0

    def loss_at(log_temperature: float) -> float:
        return log_loss(scale_probabilities(probabilities, float(np.exp(log_temperature))), truth)

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    fitted = minimize_scalar(loss_at, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(fitted.x))


def cross_fit_scaling(probabilities: Floats, truth: Ints, fold: Ints) -> tuple[Floats, dict[int, float]]:
    """Each fold scaled by the temperature of the others, and those temperatures."""
    rescaled, used = probabilities.copy(), {}
    for number in np.unique(fold):
        in_fold = fold == number
        used[int(number)] = fit_temperature(probabilities[~in_fold], truth[~in_fold])
        rescaled[in_fold] = scale_probabilities(probabilities[in_fold], used[int(number)])
    return rescaled, used


def calibration_report(
    probabilities: Floats, truth: Ints, names: tuple[str, ...], fold: Ints
) -> dict[str, Any]:
    """For each class its reliability before and after scaling; loss before and after."""
    after, used = cross_fit_scaling(probabilities, truth, fold)
    classes = [
        {
            "name": name,
            "steps": int((truth == place).sum()),
            "before": reliability_bins(probabilities[:, place], truth == place),
            "after": reliability_bins(after[:, place], truth == place),
        }
        for place, name in enumerate(names)
    ]
    return {
        "steps": len(truth),
        "classes": classes,
        "loss_before": log_loss(probabilities, truth),
        "loss_after": log_loss(after, truth),
        "temperatures": sorted(used.values()),
        "temperature": fit_temperature(probabilities, truth),
    }
