"""Two processes learn what one does, are ended as one, and go on together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import torch
from safetensors.torch import load_file

from app.prm.train import train
from tests.prm.conftest import TINY, sums

SCRIPT = """
import signal, sys, time, orjson
from pathlib import Path
import app.prm.train
from app.prm.config import TrainConfig
from tests.prm.conftest import sums

app.prm.train.REPORT_SECONDS = 0
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append("asked to end"))
def report(said):
    if said["phase"] == "training" and "loss" in said and "validation" not in said:
        print(said["step"], said["loss"], flush=True)
def should_stop():
    time.sleep(0.2)  # so that a signal finds it at work
    return told[0] if told else None
examples = sums(48) + sums(12, seed=4, split="validation")
config = TrainConfig.parse(orjson.loads(sys.argv[2]))
done = app.prm.train.train(config, examples, Path(sys.argv[1]), report, should_stop, "00" * 32)
print(orjson.dumps({"state": done.state, "metrics": done.metrics}).decode())
"""
CONFIG = TINY.replace(epochs=3.0, checkpoint_seconds=0)


@pytest.fixture(autouse=True)
def _found_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[int, float], dict[str, Any]]:
    monkeypatch.setattr("app.prm.train.REPORT_SECONDS", 0)
    losses: dict[int, float] = {}

    def report(progress: dict[str, Any]) -> None:
        if "loss" in progress:
            losses[progress["step"]] = progress["loss"]

    examples = sums(48) + sums(12, seed=4, split="validation")
    return losses, train(CONFIG, examples, folder, report, lambda: None, "00" * 32).metrics


def together(folder: Path, until: int, end: str) -> tuple[dict[int, float], str]:
    """As the worker starts them; at step `until` they are asked to `end`, or rank 0 is killed."""
    options = orjson.dumps({**CONFIG.to_json(), "num_processes": 2}).decode()
    losses, last = {}, ""
    command = [sys.executable, "-c", SCRIPT, str(folder), options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as first:
        assert first.stdout is not None
        others: list[psutil.Process] = []
        for last in first.stdout:
            if last.startswith("{"):
                break
            step, loss = last.split()
            losses[int(step)] = float(loss)
            if int(step) == until:
                others = psutil.Process(first.pid).children()
                if end == "kill":
                    first.kill()
                else:
                    os.killpg(first.pid, signal.SIGTERM)
        assert first.wait(60) == (-signal.SIGKILL if end == "kill" else 0)
        assert len(others) == bool(until)
        assert not psutil.wait_procs(others, timeout=30)[1]
    return losses, last


def weights(folder: Path) -> dict[str, torch.Tensor]:
    published = folder / "published"
    return load_file(published / "model.safetensors")


def test_two_processes_killed_and_stopped_on_the_way_learn_what_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, metrics = alone(tmp_path / "one", monkeypatch)
    killed, _ = together(tmp_path / "two", 2, "kill")
    stopped, reports = together(tmp_path / "two", 5, "ask")
    assert orjson.loads(reports)["state"] == "stopped"
    assert min(stopped) > 1
    finished, reports = together(tmp_path / "two", 0, "")
    assert min(finished) == max(stopped) + 1
    assert killed | stopped | finished == pytest.approx(expected, rel=1e-3)
    best = orjson.loads(reports)["metrics"]["best"]
    assert best["loss"] == pytest.approx(metrics["best"]["loss"], rel=1e-3)
    for name, tensor in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "two")[name], tensor, atol=2e-4, rtol=1e-2)
