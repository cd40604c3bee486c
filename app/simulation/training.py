"""Training and reading a PRM or ORM of a simulation: app.prm, with the settings' few knobs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from app.prm.config import ScoreConfig, TrainConfig
from app.prm.examples import Example
from app.prm.predict import Scorer, SolutionScores
from app.prm.train import train
from app.simulation.config import Setting
from app.simulation.datasets import Sampled, Steps
from app.world.writer.model import LONGEST, RIGHT, WRONG

Key = tuple[str, Steps]
"""Statement and steps: what a model reads. Equal samples are read once."""


def trained(
    setting: Setting,
    base: Path,
    examples: Sequence[Example],
    target: Path,
    objective: str = "prm3",
    seed: int = 0,
) -> Path:
    """The published folder, under `target`; from there if it is there already."""
    published = target / "published"
    if published.is_dir():
        return published
    config = TrainConfig(
        base=str(base),
        label_tokens=(WRONG, RIGHT),
        objective=objective,
        max_length=LONGEST,
        epochs=setting.epochs(len(examples)),
        learning_rate=setting.rate,
        batch_size=32,
        group_by="none",
        evaluations=0,
        checkpoint_seconds=86_400,
        seed=setting.seed * 1000 + seed,
        device="cpu",
        threads=setting.threads,
    )
    with tempfile.TemporaryDirectory(prefix="simulation-") as scratch:
        made = train(config, examples, Path(scratch), lambda _: None, lambda: None, "simulation").published
        assert made is not None  # nothing asks it to stop
        target.mkdir(parents=True, exist_ok=True)
        draft = target / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.move(made, draft)
        draft.replace(published)
    return published


def read(
    setting: Setting, model: Path, sets: Sequence[Sequence[Sampled]]
) -> dict[Key, SolutionScores | None]:
    """Scores of every different sample of the sets."""
    keys = list(
        {(one.posed.statement, steps) for some in sets for one in some for steps in one.samples if steps}
    )
    scorer = Scorer(model, ScoreConfig(device="cpu", threads=setting.threads))
    return dict(zip(keys, scorer.score(keys), strict=True))


Reader = Callable[[Path], dict[Key, SolutionScores | None]]
