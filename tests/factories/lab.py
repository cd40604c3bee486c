"""The results of a small sweep, whose figures are computed by hand in tests/lab/test_curves.py."""

from __future__ import annotations

from app.lab import curves
from app.lab.config import SweepConfig


def row(pass_at_1: float, mean_score: float, weighted: list[float], beam: list[float]) -> dict[str, object]:
    return {
        "pass_at_1": pass_at_1, "mean_score": mean_score, "samples_right": round(2 * pass_at_1),
        "sample_tokens": 10,
        "right": {"weighted": weighted, "beam-4": beam},
        "tokens": {"weighted": [10, 20], "beam-4": [12, 24]},
        "read": {"weighted": [5, 10], "beam-4": [30, 60]},
    }  # fmt: skip


CONFIG = SweepConfig(most=2, strategies=("weighted", "beam-4"), resamples=100)
ROWS = [row(1.0, 0.2, [1, 1], [1, 0])] * 5 + [row(0.5, 0.9, [0.5, 0.5], [0, 1])] * 5
RESULTS = {**curves.build_results(ROWS, CONFIG), "parameters": 1000, "generator_parameters": 2000}
