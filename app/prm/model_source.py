"""A model folder and what its files say about it, read without building the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor, nn

from app.prm.checkpoint_safety import CONFIG, BadCheckpoint, list_files, list_weights, read_json
from app.prm.classifier import build_linear


@dataclass(frozen=True)
class ModelSource:
    """A folder and what its files say about it."""

    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        config = read_json(list_files(self.folder)[CONFIG])
        return config if isinstance(config, dict) else {}

    @cached_property
    def architectures(self) -> list[str]:
        names = self.config.get("architectures")
        return [str(name) for name in names] if isinstance(names, list) else []

    @cached_property
    def tensor_files(self) -> dict[str, Path]:
        """The file of each stored tensor."""
        files: dict[str, Path] = {}
        for path in list_weights(list_files(self.folder)):
            with safe_open(path, framework="pt") as weights:
                files |= dict.fromkeys(weights.keys(), path)
        return files

    @cached_property
    def name(self) -> str:
        """The folder's name; for a snapshot in the Hub's cache, the repository's."""
        path = self.folder.resolve()
        return path.parent.parent.name if path.parent.name == "snapshots" else path.name

    def has_architecture(self, *endings: str) -> bool:
        return any(name.endswith(endings) for name in self.architectures)

    def load_tensor(self, name: str) -> Tensor:
        """Raises BadCheckpoint if it is missing."""
        if name not in self.tensor_files:
            raise BadCheckpoint(f"weights are missing: {name}")
        with safe_open(self.tensor_files[name], framework="pt") as weights:
            tensor: Tensor = weights.get_tensor(name)
        return tensor

    def load_linear(self, name: str) -> nn.Linear:
        bias = f"{name}.bias"
        return build_linear(
            self.load_tensor(f"{name}.weight"), self.load_tensor(bias) if bias in self.tensor_files else None
        )
