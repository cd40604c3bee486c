"""Checkpoints of a run: everything that it needs to resume as if it had not been interrupted. No pickle:
tensors as safetensors, the rest as JSON, each folder written atomically."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from app.common.atomic_files import atomic_folder, write_json
from app.prm.checkpoint_safety import BadCheckpoint, read_json

KEEP_LAST = 2


def save_checkpoint(
    folder: Path, step: int, model: nn.Module, optimizer: torch.optim.AdamW, state: dict[str, Any]
) -> None:
    """Write `folder`/step-N with weights, optimizer moments and `state`, and delete older checkpoints."""
    with atomic_folder(folder / f"step-{step:08d}") as draft:
        save_file(_weights(model), draft / "weights.safetensors")
        save_file(_moments(optimizer), draft / "optimizer.safetensors")
        write_json(draft / "state.json", {"step": step, **state})
    for old in sorted(folder.glob("step-*"))[:-KEEP_LAST]:
        shutil.rmtree(old, ignore_errors=True)


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints, newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.AdamW) -> dict[str, Any]:
    """Restore model and optimizer. Returns the state. Raises BadCheckpoint if the checkpoint is
    unreadable."""
    try:
        state = read_json(path / "state.json")
        weights = load_file(path / "weights.safetensors")
        moments = load_file(_optimizer_file(path))
        model.load_state_dict(weights, strict=False)
        _load_moments(optimizer, moments)
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise BadCheckpoint(f"{path.name} cannot be read: {error}") from error
    if not isinstance(state, dict) or not isinstance(state.get("step"), int):
        raise BadCheckpoint(f"{path.name} has no step number")
    return state


def _optimizer_file(path: Path) -> Path:
    former = path / "optimiser.safetensors"
    return former if former.is_file() else path / "optimizer.safetensors"


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """What learns: all weights, or the adapters and the head if the body is frozen, which its base holds.
    Each tensor once: tied weights share memory, which safetensors refuses."""
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    seen: set[int] = set()
    weights = {}
    for name, tensor in model.state_dict().items():
        if name not in frozen and tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            weights[name] = tensor.detach().cpu().contiguous()
    return weights


def save_weights(path: Path, model: nn.Module) -> None:
    draft = path.with_suffix(".draft")
    save_file(_weights(model), draft)
    draft.replace(path)


def load_weights(path: Path, model: nn.Module) -> None:
    model.load_state_dict(load_file(path), strict=False)


def _moments(optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    return {
        f"{index}.{name}": value.detach().cpu().contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }


def _load_moments(optimizer: torch.optim.AdamW, moments: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
