"""Training and scoring the models of a simulation by app/prm, with the few options that it has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.prm.config import ScoreConfig, TrainConfig
from app.prm.examples import Example
from app.prm.predict import Scorer
from app.prm.train import train
from app.simulation.accuracy import Scores
from app.simulation.config import SimulationConfig
from app.simulation.datasets import SampledProblem
from app.world.writer.model import LONGEST, RIGHT, WRONG


def train_model(
    config: SimulationConfig, base: Path, examples: Sequence[Example], target: Path, objective: str = "prm3"
) -> Path:
    """The folder of the model, under `target`. A model that is there already is not trained again."""
    published = target / "published"
    if published.is_dir():
        return published
    train_config = TrainConfig(
        base=str(base),
        label_tokens=(WRONG, RIGHT),
        objective=objective,
        max_length=LONGEST,
        epochs=config.scaled_epochs(len(examples)),
        learning_rate=config.learning_rate,
        batch_size=32,
        group_by="none",
        evaluations=0,
        checkpoint_seconds=86_400,
        seed=config.seed * 1000,
        device="cpu",
        threads=config.threads,
    )
    with tempfile.TemporaryDirectory(prefix="simulation-") as scratch:
        trained = train(train_config, examples, Path(scratch), lambda _: None, lambda: None, "simulation")
        assert trained.published is not None  # nothing stops it
        draft = target / "draft"
        target.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.move(trained.published, draft)
        draft.replace(published)
    return published


def score_samples(config: SimulationConfig, model: Path, sets: Sequence[Sequence[SampledProblem]]) -> Scores:
    """Scores of all different samples of the sets that have steps."""
    keys = list(
        {(item.statement, steps) for problems in sets for item in problems for steps in item.samples if steps}
    )
    scorer = Scorer(model, ScoreConfig(device="cpu", threads=config.threads))
    return dict(zip(keys, scorer.score(keys), strict=True))
