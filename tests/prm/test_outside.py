"""Models made elsewhere: a token classifier judges here as it does there; the rest is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForTokenClassification,
    GPT2Config,
    GPT2ForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForTokenClassification,
)

from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.config import ScoreConfig
from app.prm.encoding import train_tokenizer
from app.prm.import_model import import_folder
from app.prm.predict import Scorer
from app.prm.public_prms import class_order

PROBLEM, STEPS = "What is 2 + 3?", ["2 + 3 = 5", "so 5"]
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def folder(path: Path, kind: Any, config: Any) -> Path:
    torch.manual_seed(0)
    model = kind(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3)
    model.save_pretrained(path)
    train_tokenizer([PROBLEM, *STEPS], 300).save_pretrained(path)
    return path


def qwen(path: Path, labels: int = 3, **names: Any) -> Path:
    config = Qwen2Config(
        vocab_size=400,
        num_key_value_heads=2,
        max_position_embeddings=128,
        num_labels=labels,
        **SHAPE,
        **names,
    )
    return folder(path, Qwen2ForTokenClassification, config)


def theirs(path: Path, kind: Any) -> torch.Tensor:
    """What the classifier itself says at the line break behind each step. [steps, labels]"""
    tokenizer = train_tokenizer([PROBLEM, *STEPS], 300)
    ids, ends = [tokenizer.bos_token_id, *tokenizer.encode(PROBLEM)], []
    for step in STEPS:
        ids += [*tokenizer.encode(step), *tokenizer.encode("\n")]
        ends.append(len(ids) - 1)
    with torch.no_grad():
        logits = kind.from_pretrained(path).eval()(input_ids=torch.tensor([ids])).logits[0]
    return logits[ends].softmax(1)


def ours(path: Path, target: Path) -> torch.Tensor:
    imported = import_folder(path, target)
    assert imported["kind"] == "prm"
    scored = Scorer(target, ScoreConfig(device="cpu", threads=1)).score([(PROBLEM, STEPS)])[0]
    assert scored is not None
    return torch.tensor(scored.step_probs).reshape(-1, 3)


def test_three_labels_say_the_same_here(tmp_path: Path) -> None:
    path = qwen(tmp_path / "theirs")
    assert ours(path, tmp_path / "ours") == pytest.approx(theirs(path, Qwen2ForTokenClassification), abs=1e-5)


def test_two_labels_leave_neutral_empty(tmp_path: Path) -> None:
    """As TRL's PRMTrainer writes them: label 0 is wrong, 1 right. GPT-2's head has a bias."""
    config = GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4, n_positions=64, num_labels=2)
    path = folder(tmp_path / "theirs", GPT2ForTokenClassification, config)
    outputs, expected = ours(path, tmp_path / "ours"), theirs(path, GPT2ForTokenClassification)
    assert outputs[:, [0, 2]] == pytest.approx(expected, abs=1e-5)
    assert outputs[:, 1].tolist() == [0, 0]
    assert math.isclose(float(outputs.sum()), 2, rel_tol=1e-5)


def test_names_decide_over_order(tmp_path: Path) -> None:
    names = {"id2label": {0: "positive", 1: "negative"}, "label2id": {"positive": 0, "negative": 1}}
    path = qwen(tmp_path / "theirs", 2, **names)
    outputs, expected = ours(path, tmp_path / "ours"), theirs(path, Qwen2ForTokenClassification)
    assert outputs[:, [2, 0]] == pytest.approx(expected, abs=1e-5)


def test_label_names() -> None:
    assert class_order({0: "LABEL_0", 1: "LABEL_1"}) == [0, 2]
    assert class_order({"0": "good", "1": "bad", "2": "okay"}) == [2, 0, 1]
    assert class_order({0: "0", 1: "1"}) == [0, 2]
    assert class_order({0: "-1", 1: "0", 2: "+1"}) == [0, 1, 2]
    for wrong in ({0: "cat", 1: "dog"}, {0: "good", 1: "right"}, {0: "a"}, dict(enumerate("abcd"))):
        with pytest.raises(BadCheckpoint):
            class_order(wrong)


def test_what_is_refused_and_why(tmp_path: Path) -> None:
    causal = folder(
        tmp_path / "causal",
        LlamaForCausalLM,
        LlamaConfig(vocab_size=400, num_key_value_heads=2, max_position_embeddings=64, **SHAPE),
    )
    with pytest.raises(BadCheckpoint, match="LlamaForCausalLM"):
        import_folder(causal, tmp_path / "x")
    bert = folder(
        tmp_path / "bert",
        BertForTokenClassification,
        BertConfig(vocab_size=400, max_position_embeddings=64, num_labels=2, **SHAPE),
    )
    with pytest.raises(BadCheckpoint, match="reads ahead"):
        import_folder(bert, tmp_path / "x")
    with pytest.raises(BadCheckpoint, match="5 labels"):
        import_folder(qwen(tmp_path / "five", 5), tmp_path / "x")
    pickled = qwen(tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(BadCheckpoint, match="may carry code"):
        import_folder(pickled, tmp_path / "x")
    assert not (tmp_path / "x").exists()
