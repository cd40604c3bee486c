"""A published model is a classifier of transformers: other programs load it and compute the same scores."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from app.prm import checkpoint
from app.prm.adapter import FOLDER
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.config import ScoreConfig
from app.prm.predict import Scorer
from app.prm.train import TrainOutcome, train
from app.prm.verify_export import verify_export
from tests.prm.conftest import TINY, sums
from tests.prm.tiny_models import causal_folder

SOLUTIONS = [(example.problem, example.steps) for example in sums(6, seed=3)]
OBJECTIVES = {
    "prm3": ("LlamaForTokenClassification", ["negative", "neutral", "positive"]),
    "prm2": ("LlamaForTokenClassification", ["negative", "positive"]),
    "soft": ("LlamaForTokenClassification", ["negative", "positive"]),
    "orm": ("LlamaForSequenceClassification", ["correct"]),
    "verifier_token": ("LlamaForSequenceClassification", ["correct"]),
}


def published(path: Path, objective: str = "prm3", **options: object) -> Path:
    examples = sums(8)
    if objective == "soft":
        examples = [
            type(example)(example.problem, example.steps, example.targets, values=[0.5] * len(example.steps))
            for example in examples
        ]
    config = TINY.replace(objective=objective, epochs=1, **options)
    outcome: TrainOutcome = train(config, examples, path, lambda _: None, lambda: None, "ab" * 32)
    assert outcome.published is not None
    return outcome.published


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_is_published_as_a_classifier(tmp_path: Path, objective: str) -> None:
    folder = published(tmp_path, objective)
    architecture, labels = OBJECTIVES[objective]
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == [architecture]
    assert [config["id2label"][str(index)] for index in range(len(labels))] == labels
    assert not (folder / "head.safetensors").exists()
    loaded = checkpoint.load(folder)
    encoder = Scorer(folder, ScoreConfig(device="cpu")).encoder
    prm = loaded.model.objective.kind == "prm"
    kind = AutoModelForTokenClassification if prm else AutoModelForSequenceClassification
    plain = kind.from_pretrained(folder).eval()
    scores = Scorer(folder, ScoreConfig(device="cpu", threads=1)).score(SOLUTIONS)
    for (problem, steps), solution in zip(SOLUTIONS, scores, strict=True):
        assert solution is not None
        row = encoder.encode(problem, steps)
        with torch.no_grad():
            logits = plain(torch.tensor([row.ids])).logits[0]
        ours = torch.tensor(solution.step_probs).reshape(-1, 3)
        if prm:
            columns = [0, 1, 2] if len(labels) == 3 else [0, 2]
            assert torch.allclose(logits[row.ends].softmax(-1), ours[:, columns], atol=1e-5)
        else:
            expected = logits.clamp(0, 1) if objective == "verifier_token" else logits.sigmoid()
            assert float(expected) == pytest.approx(float(ours[-1, 2]), abs=1e-5)


def test_the_readme_of_a_prm_reads_it(tmp_path: Path) -> None:
    """Its Python runs without Stepmark, as a reader of the card would run it."""
    folder = published(tmp_path)
    readme = (folder / "README.md").read_text()
    assert "library_name: transformers" in readme
    assert "ab" * 32 in readme
    code = readme.split("```python\n")[1].split("```")[0]
    problem, steps = SOLUTIONS[0]
    script = f"folder = {str(folder)!r}\n{code}\nprint(score({problem!r}, {steps!r}))"
    output = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True, cwd="/")
    scores = json.loads(output.stdout.splitlines()[-1])
    (expected,) = Scorer(folder, ScoreConfig(device="cpu", threads=1)).score([(problem, steps)])
    assert expected is not None
    assert [value for step in scores for value in step] == pytest.approx(expected.step_probs, abs=1e-5)


@pytest.mark.parametrize("objective", ["prm3", "orm"])
def test_an_export_is_verified_by_another_process(tmp_path: Path, objective: str) -> None:
    folder = published(tmp_path, objective)
    assert verify_export(folder, SOLUTIONS) == len(SOLUTIONS)


def test_an_export_that_scores_differently_is_refused(tmp_path: Path) -> None:
    """The tokenizer that other programs would use splits otherwise than the one that was trained with."""
    folder = published(tmp_path)
    card = json.loads((folder / "stepmark.json").read_text())
    card["text"]["separator"] = "\n\n"
    readable = shutil.copytree(folder, tmp_path / "readable")
    (readable / "stepmark.json").write_text(json.dumps(card))
    assert verify_export(readable, SOLUTIONS) == len(SOLUTIONS)
    weights = load_file(folder / "model.safetensors")
    del weights["score.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadCheckpoint, match=r"weights are missing: score\.bias"):
        verify_export(folder, SOLUTIONS)


def test_a_difference_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = published(tmp_path)
    reader = checkpoint.render_folder_reader
    monkeypatch.setattr(
        checkpoint,
        "render_folder_reader",
        lambda card, tokenizer: reader(card, tokenizer).replace("encode(step)", "encode(step + ' ')"),
    )
    with pytest.raises(BadCheckpoint, match="scores this model differently"):
        verify_export(folder, SOLUTIONS)


def test_folders_of_the_former_format_are_read(tmp_path: Path) -> None:
    """A body and head.safetensors, as releases before 0.2 wrote them, also for an ORM with a bias."""
    for objective in ("prm3", "orm"):
        folder = published(tmp_path / objective, objective)
        expected = checkpoint.load(folder)
        former = tmp_path / f"former-{objective}"
        expected.model.body.save_pretrained(former)
        expected.tokenizer.save_pretrained(former)
        head = {name: tensor.clone() for name, tensor in expected.model.head.state_dict().items()}
        bias = head.setdefault("bias", torch.full((1,), 0.25))
        save_file(head, former / "head.safetensors")
        card = {"format": 1, "kind": expected.card["kind"], "config": expected.config.to_json()}
        (former / "stepmark.json").write_text(json.dumps(card))
        loaded = checkpoint.load(former)
        assert torch.equal(loaded.model.head.weight, expected.model.head.weight)
        assert torch.equal(loaded.model.head.bias, bias)
        config = ScoreConfig(device="cpu", threads=1)
        scores = [Scorer(place, config).score(SOLUTIONS) for place in (former, folder)]
        assert (scores[0] == scores[1]) == (objective == "prm3")


@pytest.mark.parametrize("objective", ["prm3", "prm2"])
def test_the_adapter_loads_onto_the_base(tmp_path: Path, objective: str) -> None:
    base = causal_folder(tmp_path / "base")
    folder = published(tmp_path / "run", objective, base=str(base), lora_rank=4, learning_rate=0.05)
    labels = len(OBJECTIVES[objective][1])
    body = AutoModelForTokenClassification.from_pretrained(base, num_labels=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft uses a deprecated name of transformers
        adapted = PeftModel.from_pretrained(body, folder / FOLDER).eval()
    merged = AutoModelForTokenClassification.from_pretrained(folder).eval()
    ids = torch.arange(5, 60)[None]
    with torch.no_grad():
        difference = (adapted(input_ids=ids).logits - merged(ids).logits).abs().max()
    assert float(difference) < 1e-5
    assert (folder / FOLDER / "adapter_config.json").is_file()


def test_a_checkpoint_of_adapters_holds_only_what_learns(tmp_path: Path) -> None:
    """The base holds the rest. A run that was stopped ends like one that was not."""
    base = causal_folder(tmp_path / "base")
    config = TINY.replace(base=str(base), lora_rank=4, epochs=4, batch_size=4)
    examples = sums(8)
    outcomes = {}
    for name, stops in (("stopped", 3), ("whole", 0)):
        calls = iter([None] * stops + ["asked to stop"] if stops else [])
        train(config, examples, tmp_path / name, lambda _: None, lambda: next(calls, None), "ab" * 32)  # noqa: B023
        if stops:
            (checkpoint_folder,) = (tmp_path / name / "checkpoints").iterdir()
            stored = load_file(checkpoint_folder / "weights.safetensors")
            assert stored
            assert all("lora_" in key or key.startswith("head.") for key in stored)
            train(config, examples, tmp_path / name, lambda _: None, lambda: None, "ab" * 32)
        outcomes[name] = load_file(tmp_path / name / "published" / "model.safetensors")
    for key, weights in outcomes["whole"].items():
        assert torch.equal(weights, outcomes["stopped"][key]), key
