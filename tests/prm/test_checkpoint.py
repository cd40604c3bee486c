"""What is published loads to the same answers; what is not ours to trust is refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config

from app.prm import checkpoint
from app.prm.checkpoint import BadCheckpoint
from app.prm.config import ARCHITECTURES, ScoreConfig
from app.prm.encoding import train_tokenizer
from app.prm.model import load_body
from app.prm.predict import Scorer, log_solution_score
from app.prm.train import TrainOutcome, train
from tests.prm.conftest import TINY, sums

Trained = tuple[TrainOutcome, list[dict[str, Any]]]


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    assert trained[0].published is not None
    return Path(shutil.copytree(trained[0].published, tmp_path / "model"))


def test_a_published_model_rates_rightly(folder: Path) -> None:
    scorer = Scorer(folder, ScoreConfig(device="cpu", tokens_per_batch=256))
    solutions = [(example.problem, example.steps) for example in sums(30, seed=9)]
    truth = [example.targets for example in sums(30, seed=9)]
    scores = scorer.score(solutions)
    right = 0
    for score, targets in zip(scores, truth, strict=True):
        assert score is not None
        steps = torch.tensor(score.step_probs).reshape(-1, 3)
        right += int((steps.argmax(1) - 1 == torch.tensor(targets)).sum())
    assert right / sum(map(len, truth)) > 0.95
    assert scores == scorer.score(solutions)
    assert scorer.score([("p", ["word " * 500])]) == [None]
    assert scorer.score([]) == []


def test_the_card_says_where_it_came_from(folder: Path) -> None:
    card = checkpoint.load(folder).card
    assert card["snapshot"] == "ab" * 32
    assert card["kind"] == "prm"
    assert card["config"] == TINY.to_json()


def test_the_hash_is_of_the_weights(folder: Path) -> None:
    before = checkpoint.compute_weights_hash(folder)
    (folder / "stepmark.json").write_text((folder / "stepmark.json").read_text() + " ")
    assert checkpoint.compute_weights_hash(folder) == before
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert checkpoint.compute_weights_hash(folder) != before


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))


def a_link_out(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/etc/hostname")


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{" * 100_000)


def an_odd_head(folder: Path) -> None:
    save_file({"weight": torch.zeros(3, 7), "bias": torch.zeros(3)}, folder / "head.safetensors")


def not_finite(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["score.weight"] = torch.full((3, 64), float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def two_labels(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    names = {"id2label": {"0": "negative", "1": "positive"}, "label2id": {"negative": 0, "positive": 1}}
    (folder / "config.json").write_text(json.dumps(config | names))
    weights = load_file(folder / "model.safetensors")
    weights |= {name: weights[name][:2].clone() for name in ("score.weight", "score.bias")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def an_odd_config(folder: Path) -> None:
    card = json.loads((folder / "stepmark.json").read_text())
    card["config"]["max_length"] = 10**12
    (folder / "stepmark.json").write_text(json.dumps(card))


def no_card(folder: Path) -> None:
    (folder / "stepmark.json").unlink()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (only_pickles, "may carry code"),
        (a_link_out, "link out of"),
        (cut_weights, "could not load"),
        (no_json, "is not JSON"),
        (an_odd_head, "does not match the body"),
        (not_finite, "not finite"),
        (two_labels, "the head has 2 outputs; prm3 needs 3"),
        (an_odd_config, "max_length must be between"),
        (no_card, "has no stepmark.json"),
    ],
)
def test_a_hostile_folder_is_refused(folder: Path, harm: Callable[[Path], None], message: str) -> None:
    harm(folder)
    with pytest.raises(BadCheckpoint, match=message):
        checkpoint.load(folder)


SHAPE = {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 128}


@pytest.mark.parametrize(
    "config",
    [
        LlamaConfig(**SHAPE, **HEADS),
        Qwen2Config(**SHAPE, **HEADS),
        MistralConfig(**SHAPE, **HEADS),
        GPT2Config(vocab_size=400, n_embd=32, n_layer=1, n_head=2, n_positions=128),
    ],
    ids=lambda config: config.model_type,
)
def test_training_starts_from_a_local_folder(config: Any, tmp_path: Path) -> None:
    base = tmp_path / "base"
    AutoModel.from_config(config).save_pretrained(base)
    train_tokenizer((step for example in sums(30) for step in example.steps), 380).save_pretrained(base)
    settings = TINY.parse(TINY.to_json() | {"base": str(base), "epochs": 0.5})
    outcome = train(settings, sums(32), tmp_path / "run", lambda report: None, lambda: None, "")
    assert outcome.published is not None
    scores = Scorer(outcome.published, ScoreConfig(device="cpu")).score([("p", ["1 that is right"])])
    assert scores[0] is not None
    assert sum(scores[0].step_probs) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_new_model_of_each_architecture_loads_with_its_own_tokenizer(
    architecture: str, tmp_path: Path
) -> None:
    config = TINY.replace(architecture=architecture, epochs=0.2)
    outcome = train(config, sums(12), tmp_path, lambda report: None, lambda: None, "00" * 32)
    assert outcome.published is not None
    loaded = checkpoint.load(outcome.published)
    stored = checkpoint.load_tokenizer(str(tmp_path / "tokenizer"), None)
    text = "12 + 30 = 42, so \u00e9"
    assert loaded.tokenizer.encode(text) == stored.encode(text)
    assert len(loaded.tokenizer) == len(stored)


def test_an_id_needs_its_revision() -> None:
    with pytest.raises(BadCheckpoint, match="revision"):
        load_body("someone/a-model", None)


def test_solution_scores_by_hand() -> None:
    probs = [0.1, 0.2, 0.7, 0.5, 0.3, 0.2]
    assert log_solution_score(probs, "product", True) == pytest.approx(torch.tensor(0.9 * 0.5).log().item())
    assert log_solution_score(probs, "minimum", False) == pytest.approx(torch.tensor(0.2).log().item())
    assert log_solution_score(probs, "last", True) == pytest.approx(torch.tensor(0.5).log().item())
    assert log_solution_score(probs, "mean", True) == pytest.approx(torch.tensor(0.7).log().item())
    assert log_solution_score([1.0, 0.0, 0.0] * 400, "product", True) < -10_000
    with pytest.raises(ValueError, match="aggregate"):
        log_solution_score(probs, "best", True)
