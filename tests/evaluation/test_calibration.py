"""Calibration against probabilities that are known to be right, or known to be off."""

from __future__ import annotations

import numpy as np
import pytest

from app.evaluation.calibration import (
    calibration_report,
    cross_fit_scaling,
    fit_temperature,
    log_loss,
    reliability_bins,
    scale_probabilities,
)


def drawn(steps: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Claims of three classes, and truths drawn from them once their logits are divided by
    `sharpness`: the temperature that puts them right."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(steps, 3)) * 1.5
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (rng.random((steps, 1)) > true.cumsum(1)).sum(1).clip(0, 2)
    claimed = np.exp(logits * sharpness) / np.exp(logits * sharpness).sum(1, keepdims=True)
    return claimed, truth


def test_values_computed_by_hand() -> None:
    """Claims .05 .15 .15 .95: ranges [0, .1) [.1, .2) [.9, 1]; happened 0, 1 of 2, 1.
    Gaps .05, .35 twice, .05: (.05 + .7 + .05) / 4."""
    metrics = reliability_bins(np.array([0.05, 0.15, 0.15, 0.95]), np.array([False, True, False, True]))
    assert metrics["claimed"] == [0.05, 0.15, 0.95]
    assert metrics["happened"] == [0, 0.5, 1]
    assert metrics["steps"] == [1, 2, 1]
    assert metrics["ece"] == pytest.approx(0.2)


def test_probability_one_is_in_the_last_bin() -> None:
    assert reliability_bins(np.array([1.0]), np.array([True]))["ece"] == 0


def test_calibrated_probabilities_keep_their_temperature() -> None:
    claimed, truth = drawn(20_000)
    assert fit_temperature(claimed, truth) == pytest.approx(1, abs=0.03)
    assert reliability_bins(claimed[:, 0], truth == 0)["ece"] < 0.01


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 3.0])
def test_the_temperature_is_recovered(sharpness: float) -> None:
    claimed, truth = drawn(8_000, sharpness)
    assert fit_temperature(claimed, truth) == pytest.approx(sharpness, rel=0.06)
    grid = [log_loss(scale_probabilities(claimed, t), truth) for t in np.geomspace(0.2, 5, 60)]
    assert log_loss(scale_probabilities(claimed, fit_temperature(claimed, truth)), truth) <= min(grid) + 1e-6


def test_each_fold_uses_the_temperature_of_the_others() -> None:
    claimed, truth = drawn(3_000, 2.0)
    fold = np.arange(3_000) % 3
    after, used = cross_fit_scaling(claimed, truth, fold)
    assert used[0] == fit_temperature(claimed[fold != 0], truth[fold != 0])
    assert after[fold == 0] == pytest.approx(scale_probabilities(claimed[fold == 0], used[0]))


def test_report() -> None:
    claimed, truth = drawn(4_000, 3.0)
    metrics = calibration_report(claimed, truth, ("negative", "neutral", "positive"), np.arange(4_000) % 5)
    assert metrics["loss_after"] < metrics["loss_before"]
    for step_class in metrics["classes"]:
        assert step_class["after"]["ece"] < step_class["before"]["ece"]
    assert sum(step_class["steps"] for step_class in metrics["classes"]) == metrics["steps"] == 4_000


def test_no_data_has_no_temperature() -> None:
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int)) == 1
