"""An objective registered at run time is configured, trained, published and read like the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.common.config import ConfigError
from app.prm import checkpoint
from app.prm.batch_layout import Batch
from app.prm.config import ScoreConfig, TrainConfig
from app.prm.objectives import OBJECTIVES, OneOutputObjective, TwoClassObjective, register_objective
from app.prm.predict import Scorer
from app.prm.train import train
from tests.prm.conftest import TINY, sums


class HingeObjective(TwoClassObjective):
    """The hinge loss of a support vector machine at step ends."""

    id = "hinge"
    label = "Steps: hinge loss"
    description = "Positive or negative at step ends, hinge loss."

    def loss(self, outputs: Tensor, batch: Batch, labeled: int) -> Tensor:
        signs = 2 * batch.point_values() - 1
        return (1 - signs * outputs[:, 0]).clamp(min=0).sum() / labeled


@pytest.fixture
def hinge() -> Iterator[HingeObjective]:
    objective = HingeObjective()
    with pytest.raises(ConfigError, match="objective must be one of prm3"):
        TrainConfig.parse({"objective": objective.id})
    register_objective(objective)
    yield objective
    del OBJECTIVES[objective.id]


def test_it_trains_a_model_end_to_end(hinge: HingeObjective, tmp_path: Path) -> None:
    config = TINY.replace(objective="hinge", epochs=8.0)
    examples = sums(100) + sums(30, seed=4, split="validation")
    outcome = train(config, examples, tmp_path, lambda _: None, lambda: None, "00" * 32)
    assert outcome.published is not None
    assert outcome.metrics["best"]["negative_auc"] > 0.85
    loaded = checkpoint.load(outcome.published)
    assert (loaded.model.objective, loaded.card["kind"]) == (hinge, "prm")
    scorer = Scorer(outcome.published, ScoreConfig(device="cpu"))
    solutions = sums(20, seed=8)
    scores = scorer.score([(example.problem, example.steps) for example in solutions])
    targets = [target for example in solutions for target in example.targets]
    probabilities = torch.cat([torch.tensor(score.step_probs).reshape(-1, 3) for score in scores if score])
    assert (probabilities[:, 1] == 0).all()
    negative = torch.tensor([target == -1 for target in targets])
    assert probabilities[negative, 0].mean() > probabilities[~negative, 0].mean() + 0.2


def test_every_objective_is_complete_and_has_an_id_of_its_own() -> None:
    for objective_id, objective in OBJECTIVES.items():
        assert objective_id == objective.id
        assert objective.label
        assert objective.description.endswith(".")
        assert objective.two_class == (objective.outputs == 1) == isinstance(objective, OneOutputObjective)
        assert set(objective.label_sources) <= {"people", "verdicts", "model", "rollouts", "external"}
    with pytest.raises(ValueError, match="already registered"):
        register_objective(OBJECTIVES["prm3"])


def test_every_objective_has_its_rows_in_the_docs() -> None:
    text = (Path(__file__).parent.parent.parent / "docs/training-options.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| `\w+` \|", line)]
    for objective in OBJECTIVES.values():
        place = "each step" if objective.kind == "prm" else "the last token"
        described = f"| {objective.label} | {objective.description} | {objective.outputs} | {place} |"
        sources = ", ".join(f"`{source}`" for source in objective.label_sources)
        soft = "yes" if objective.soft_labels else "no"
        assert f"| `{objective.id}` {described}" in rows
        assert f"| `{objective.id}` | {sources} | {soft} |" in rows
