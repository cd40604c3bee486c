"""A writer and its samples, created once. Simulations that start in a copy of the folder reuse them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.simulation.baselines import prepare_baselines
from app.simulation.config import SimulationConfig
from app.simulation.datasets import prepare_datasets

TINY = {
    "writer_train_steps": 40, "temperature": 1.0, "pool_problems": 16, "validation_problems": 4,
    "pool_samples": 4, "test_problems": 4, "shifted_problems": 4, "test_samples": 4, "initial_labels": 4,
    "budgets": ["4", "7"], "epochs": 0.5, "label_noise": 0.3,
}  # fmt: skip


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything of TINY that needs no step labels. It belongs to no configuration yet."""
    folder = tmp_path_factory.mktemp("prepared")
    config = SimulationConfig.parse(TINY)
    datasets = prepare_datasets(config, folder, lambda _: None)
    prepare_baselines(config, datasets, folder, lambda _: None)
    return folder
