"""Reward models come into a project and leave it by command, with the same scores on both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sqlalchemy import select
from transformers import Qwen2Config, Qwen2ForTokenClassification
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Invalid, NotFound
from app.prm.encoding import train_tokenizer
from app.settings import settings
from app.training.models import Model
from tests.factories import base as factories


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PRM as TRL writes it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("hub") / "trl-prm"
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(
        vocab_size=400, num_key_value_heads=2, max_position_embeddings=128, num_labels=2, **shape
    )
    Qwen2ForTokenClassification(config).save_pretrained(path)
    train_tokenizer(["What is 12 + 30?"], 300).save_pretrained(path)
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["model", *arguments, "--project", "Trade"])


def test_a_model_is_imported_and_exported(database: str, home: Path, folder: Path, tmp_path: Path) -> None:
    with transaction() as db:
        project_id = factories.project(db, "Trade").id
    imported = run("import", str(folder))
    assert imported.exit_code == 0, imported.output
    with transaction() as db:
        model = db.scalars(select(Model)).one()
    assert (model.name, model.kind, model.config["objective"]) == ("trl-prm", "prm", "prm2")
    assert model.path.startswith(f"{project_id}/")
    assert (settings().models_dir / model.path / "model.safetensors").is_file()
    assert "ID" in run("import", str(folder)).output
    with transaction() as db:
        assert len(db.scalars(select(Model)).all()) == 1, "the same weights are one model"
    out = tmp_path / "exported"
    exported = run("export", "trl-prm", "--out", str(out))
    assert exported.exit_code == 0, exported.output
    assert "as token-classifier, verified on 1 solutions" in exported.output
    labels = json.loads((out / "config.json").read_text())["id2label"]
    assert labels == {"0": "negative", "1": "positive"}
    heads = [load_file(place / "model.safetensors")["score.weight"] for place in (folder, out)]
    assert torch.allclose(heads[0][1] - heads[0][0], heads[1][1] - heads[1][0], atol=1e-6)
    assert isinstance(run("export", "trl-prm", "--out", str(out)).exception, Invalid)
    for form, reason in (("adapter", "lora_rank"), ("sequence-classifier", "cannot"), ("pickle", "cannot")):
        refused = run("export", str(model.id), "--as", form, "--out", str(tmp_path / form))
        assert isinstance(refused.exception, Invalid)
        assert reason in refused.exception.message
        assert not (tmp_path / form).exists()
    assert isinstance(run("export", "nobody", "--out", str(tmp_path / "x")).exception, NotFound)


def test_a_folder_that_is_no_reward_model_is_refused(database: str, home: Path, folder: Path) -> None:
    with transaction() as db:
        factories.project(db, "Trade")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["Qwen2ForCausalLM"]}))
    refused = run("import", str(folder))
    assert isinstance(refused.exception, Invalid)
    assert "names Qwen2ForCausalLM" in refused.exception.message
    with transaction() as db:
        assert db.scalars(select(Model)).all() == []
    assert list(settings().models_dir.rglob("*.safetensors")) == []
