"""Model folders as they lie on disks: what is read from them, and what is neither read nor run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import LlamaForCausalLM

from app.common.config import ConfigError
from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, list_files, open_model_folder, validate_folder
from app.prm.config import TrainConfig
from app.prm.inspect_base import inspect_base
from app.prm.model import load_body
from tests.prm.tiny_models import causal_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return causal_folder(tmp_path / "base")


def assert_same_weights(first: Path, second: Path) -> None:
    states = [load_body(str(folder), None).state_dict() for folder in (first, second)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    sizes = {len(checkpoint.load_tokenizer(str(folder), None)) for folder in (first, second)}
    assert len(sizes) == 1


def test_a_downloaded_folder_is_read(base: Path, tmp_path: Path) -> None:
    """What `hf download --local-dir` leaves, and what authors put beside the weights."""
    full = shutil.copytree(base, tmp_path / "full")
    cache = full / ".cache" / "huggingface" / "download"
    cache.mkdir(parents=True)
    for name in ("model.safetensors.metadata", "model.safetensors.lock", "a.incomplete"):
        (cache / name).write_text("x")
    (full / ".cache" / "huggingface" / ".gitignore").write_text("*")
    (full / "original").mkdir()
    beside = ("README.md", "figure.png", "paper.pdf", "model.onnx", "modeling_x.py", "pytorch_model.bin")
    for name in (*beside, "consolidated.safetensors", "original/consolidated.00.pth", "training_args.bin"):
        (full / name).write_bytes(b"\x80\x04not a model")
    (full / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc"}')
    validate_folder(full)
    assert_same_weights(base, full)
    assert inspect_base(full).parameters == inspect_base(base).parameters


@pytest.mark.parametrize("shared_store", [False, True])
def test_a_snapshot_of_the_hubs_cache_is_read(base: Path, tmp_path: Path, shared_store: bool) -> None:
    """Links from the snapshot to blobs, and in newer caches from there to a store of the whole cache."""
    repository = tmp_path / "hub" / "models--someone--tiny"
    snapshot = repository / "snapshots" / COMMIT
    blobs = repository / "blobs"
    store = tmp_path / "hub" / "blobs" / "ab"
    for folder in (snapshot, blobs, store):
        folder.mkdir(parents=True)
    for number, path in enumerate(sorted(base.iterdir())):
        blob = blobs / f"{number:040x}"
        if shared_store:
            shutil.copy(path, store / f"{number:064x}")
            blob.symlink_to(f"../../blobs/ab/{number:064x}")
        else:
            shutil.copy(path, blob)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob.name}")
    assert_same_weights(base, snapshot)
    (snapshot / "tokenizer.json").unlink()
    (snapshot / "tokenizer.json").symlink_to(base / "tokenizer.json")
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json is a link out of"):
        validate_folder(snapshot)


def test_no_code_of_the_folder_runs(base: Path, tmp_path: Path) -> None:
    expected = shutil.copytree(base, tmp_path / "expected")
    mark = tmp_path / "ran"
    for name in ("modeling_x.py", "configuration_x.py", "tokenization_x.py"):
        (base / name).write_text(f"open({str(mark)!r}, 'w').close()\nclass X: pass\n")
    fields = {
        "config.json": {"AutoConfig": "configuration_x.X", "AutoModel": "modeling_x.X"},
        "tokenizer_config.json": {"AutoTokenizer": ["tokenization_x.X", None]},
    }
    for name, auto_map in fields.items():
        content = json.loads((base / name).read_text())
        (base / name).write_text(json.dumps(content | {"auto_map": auto_map}))
    assert_same_weights(base, expected)
    assert not mark.exists()


def sharded(base: Path, target: Path) -> Path:
    LlamaForCausalLM.from_pretrained(base).save_pretrained(target, max_shard_size="30KB")
    for path in base.glob("tokenizer*"):
        shutil.copy(path, target)
    assert not (target / "model.safetensors").exists()
    return target


def rewrite_index(folder: Path, change: Any) -> None:
    path = folder / "model.safetensors.index.json"
    content = json.loads(path.read_text())
    content["weight_map"] = {name: change(shard) for name, shard in content["weight_map"].items()}
    path.write_text(json.dumps(content))


def test_sharded_weights_are_read(base: Path, tmp_path: Path) -> None:
    shards = sharded(base, tmp_path / "shards")
    assert_same_weights(base, shards)
    assert inspect_base(shards).parameters == inspect_base(base).parameters


@pytest.mark.parametrize("prefix", ["../outside/", "/", "sub/", "..//outside/"])
def test_an_index_cannot_name_files_outside_the_folder(base: Path, tmp_path: Path, prefix: str) -> None:
    folder = sharded(base, tmp_path / "shards")
    for other in ("outside", "shards/sub"):
        (tmp_path / other).mkdir()
        for path in folder.glob("*.safetensors"):
            shutil.copy(path, tmp_path / other)
    rewrite_index(folder, lambda shard: f"{prefix}{shard}")
    with pytest.raises(BadCheckpoint, match="no safetensors file of the folder"):
        load_body(str(folder), None)


def test_an_index_that_names_a_missing_file_is_refused(base: Path, tmp_path: Path) -> None:
    folder = sharded(base, tmp_path / "shards")
    rewrite_index(folder, lambda shard: "model-9.safetensors")
    with pytest.raises(BadCheckpoint, match=r"model-9\.safetensors is missing"):
        validate_folder(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_pipe_is_refused_without_waiting(base: Path, name: str) -> None:
    """Opening a pipe that nobody writes to would wait forever."""
    (base / name).unlink()
    os.mkfifo(base / name)
    with pytest.raises(BadCheckpoint, match="is not a regular file"):
        validate_folder(base)


def test_a_pipe_or_device_beside_the_model_does_not_matter(base: Path) -> None:
    os.mkfifo(base / "notes.json")
    (base / "zero.json").symlink_to("/dev/zero")
    load_body(str(base), None)
    (base / "config.json").unlink()
    (base / "config.json").symlink_to("/dev/zero")
    with pytest.raises(BadCheckpoint, match="link out of"):
        validate_folder(base)


def test_a_view_holds_only_what_is_read(base: Path) -> None:
    (base / "modeling_x.py").write_text("")
    with open_model_folder(base) as view:
        names = {path.name for path in view.iterdir()}
        assert names == set(list_files(base))
        assert "modeling_x.py" not in names
    assert not view.exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "stub"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["Qwen2ForProcessRewardModel"]}')
    with pytest.raises(
        BadCheckpoint, match=r"stub \(Qwen2ForProcessRewardModel\) has no safetensors weights"
    ):
        validate_folder(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="merge it into its base"):
        validate_folder(folder)


def test_a_revision_belongs_to_an_id(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is no ID, whatever revision comes with it."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in (str(base), ".", "/etc", "../base"):
        with pytest.raises(ConfigError, match="ID of a model"):
            TrainConfig.parse({"base": name, "revision": COMMIT})
        with pytest.raises(BadCheckpoint, match="not the ID of a model"):
            load_body(name, COMMIT)
    with pytest.raises(ConfigError, match="full hash of a commit"):
        TrainConfig.parse({"base": "someone/tiny", "revision": "main"})
    monkeypatch.chdir(base.parent)
    base.rename(base.parent / "someone")
    (base.parent / "someone" / "tiny").mkdir()
    for load in (load_body, checkpoint.load_tokenizer):
        with pytest.raises(BadCheckpoint, match="not the ID of a model"):
            load("someone/tiny", COMMIT)
