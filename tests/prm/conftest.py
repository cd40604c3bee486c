"""Small models and examples, made once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from app.prm.config import TrainConfig
from app.prm.examples import Example
from app.prm.train import TrainOutcome, train

TINY = TrainConfig(
    size="tiny",
    vocabulary=400,
    max_length=128,
    epochs=6,
    learning_rate=3e-3,
    batch_size=16,
    tokens_per_batch=1024,
    checkpoint_seconds=3600,
    device="cpu",
    threads=1,
)


def sums(count: int, seed: int = 0, split: str = "train") -> list[Example]:
    """Steps that say "right" are positive, "so" neutral, "wrong" negative: easy to tell apart."""
    rng = random.Random(seed)  # noqa: S311  # data for a test
    phrases = {1: "that is right", 0: "so so", -1: "that is wrong"}
    examples = []
    for _ in range(count):
        targets = [rng.choice([1, 1, 0]) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.5:
            targets.append(-1)
        steps = [f"{rng.randint(1, 99)} {phrases[target]}" for target in targets]
        examples.append(Example(f"Problem {rng.randint(1, 999)}", steps, list(targets), split))
    return examples


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainOutcome, list[dict[str, object]]]:
    """A model that learned the sums, and all it reported."""
    folder: Path = tmp_path_factory.mktemp("run")
    reports: list[dict[str, object]] = []
    examples = sums(160) + sums(40, seed=1, split="validation")
    outcome = train(TINY, examples, folder, reports.append, lambda: None, "ab" * 32)
    return outcome, reports


@pytest.fixture(autouse=True)
def _quiet_torch() -> None:
    torch.set_num_threads(1)
