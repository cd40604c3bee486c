"""A writer and its samples, made once: simulations that begin in a copy of its folder find it there."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.simulation import baselines, request
from app.simulation.datasets import prepare

TINY = {
    "reading_steps": 40, "temperature": 1.0, "pool_problems": 16, "validation_problems": 4, "pool_samples": 4,
    "test_problems": 4, "shifted_problems": 4, "test_samples": 4, "first": 4, "budgets": ["4", "7"],
    "passes": 0.5, "noise": 0.3,
}  # fmt: skip


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything of TINY that needs no labels, in a folder without the name of a setting."""
    folder = tmp_path_factory.mktemp("material")
    setting = request.setting_of(TINY)
    baselines.made(setting, prepare(setting, folder, lambda _: None), folder, lambda _: None)
    return folder
