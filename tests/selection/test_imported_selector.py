"""A published PRM chooses the first solutions to label, before a project has a single label or model."""

from __future__ import annotations

from pathlib import Path

import torch
from sqlalchemy import func, select
from transformers import Qwen2Config, Qwen2ForTokenClassification

from app.core.db import transaction
from app.labeling.models import Assignment, Task
from app.prm.encoding import train_tokenizer
from app.scoring import launcher
from app.scoring import runs as scoring
from app.scoring.models import Score, ScoringRun
from app.selection import round_driver, rounds
from app.selection.config import Policy, RoundConfig
from app.selection.gate import GateConfig
from app.training import external_models
from app.training.models import TrainingRun
from tests.factories import base as factories


def token_classifier(path: Path) -> Path:
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(
        vocab_size=400, num_key_value_heads=2, max_position_embeddings=128, num_labels=2, **shape
    )
    Qwen2ForTokenClassification(config).save_pretrained(path)
    train_tokenizer(["What is 12 + 30?"], 300).save_pretrained(path)
    return path


def test_an_imported_prm_selects_before_there_is_a_label(database: str, home: Path) -> None:
    folder = token_classifier(home / "published-prm")
    with transaction() as db:
        project = factories.project(db)
        for number in range(3):
            problem = factories.problem(db, project, f"What is {number} + 1?")
            for place in range(4):
                verdict = "correct" if place == 0 else "incorrect"
                factories.solution(db, problem, (f"{place}.", f"so {number}"), verdict=verdict)
    description = external_models.import_checkpoint(str(folder), project.id)
    with transaction() as db:
        model_id = external_models.register_model(db, project.id, str(folder), description)
        policy = Policy(size=4, per_problem=2)
        config = RoundConfig(policy=policy, model_id=model_id, gate=GateConfig(if_inconclusive="proceed"))
        round_id = rounds.start(db, project, config, None).id
    assert round_driver.advance(round_id) is True
    with transaction() as db:
        run_id = db.scalars(select(ScoringRun.id)).one()
    launcher.run(scoring.KIND, run_id)
    assert round_driver.advance(round_id) is False
    with transaction() as db:
        tasks = db.scalars(select(Task)).all()
        assert len(tasks) == 4
        assert {task.reason["model_id"] for task in tasks} == {model_id}
        assert db.scalar(select(func.count()).select_from(Score)) == 12
        assert db.scalar(select(TrainingRun.id)) is None
        assert db.scalar(select(Assignment.id)) is None
