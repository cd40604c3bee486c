"""Two processes learn what one does."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.prm.conftest import TINY

SCRIPT = """
import sys, orjson
from pathlib import Path
from app.prm.config import TrainConfig
from app.prm.train import train
from tests.prm.conftest import sums

config = TrainConfig.parse(orjson.loads(sys.argv[2]))
losses, left = [], int(sys.argv[3])
def report(said):
    if said.get("phase") == "training" and "loss" in said and "validation" not in said:
        losses.append((said["step"], said["loss"]))
def should_stop():
    global left
    left -= 1
    return "enough for now" if left < 0 else None
examples = sums(48) + sums(12, seed=4, split="validation")
done = train(config, examples, Path(sys.argv[1]), report, should_stop, "00" * 32)
print(orjson.dumps({"state": done.state, "losses": losses, "metrics": done.metrics}).decode())
"""


def run(folder: Path, steps: int = 10**6, **changes: Any) -> dict[str, Any]:
    """In a process of its own, as the worker starts it: a group is made once in a process."""
    import orjson

    config = dataclasses.replace(TINY, epochs=3.0, **changes)
    command = [sys.executable, "-c", SCRIPT, str(folder), orjson.dumps(config.as_json()).decode(), str(steps)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    published = folder / "published"
    return load_file(published / "model.safetensors") | load_file(published / "head.safetensors")


def test_two_processes_learn_what_one_does_and_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    alone = run(tmp_path / "one")
    together = run(tmp_path / "two", processes=2)
    assert alone["metrics"]["steps"] == together["metrics"]["steps"] == 9
    assert together["metrics"]["best"]["loss"] == pytest.approx(alone["metrics"]["best"]["loss"], rel=1e-3)
    expected, found = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=2e-4, rtol=1e-2)

    stopped = run(tmp_path / "three", steps=4, processes=2)
    assert stopped["state"] == "stopped"
    resumed = run(tmp_path / "three", processes=2)
    assert resumed["metrics"]["best"]["loss"] == pytest.approx(alone["metrics"]["best"]["loss"], rel=1e-3)
