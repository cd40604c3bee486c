"""Several processes that train one model, one on each GPU (or, on CPUs, as a test of it).

Hugging Face Accelerate finds the devices and connects the processes; the first one (rank 0) is the
one that was started, keeps the files and talks to whoever asked, and starts the others. Each
learns from its part of an optimiser step's rows; the gradients are summed, not averaged, because
every part is already divided by the labels of the whole step (loss.py)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor

from app.prm.config import TrainConfig
from app.prm.examples import Example, TokenRow

GO, STOP, FINISH = 0, 1, 2


class SingleProcess:
    """One process alone: nothing to agree on."""

    rank, size = 0, 1
    device: torch.device | None = None
    """Where this process computes, if the group decides it."""

    def local_rows(self, rows: list[TokenRow]) -> list[TokenRow]:
        return rows

    def sum_gradients(self, weights: Sequence[Tensor]) -> None:
        """Nothing to sum."""

    def sum_scalar(self, value: float) -> float:
        return value

    def broadcast_decision(self, decision: int) -> int:
        """What rank 0 decided: GO, STOP (to be resumed) or FINISH."""
        return decision

    def wait(self) -> None:
        """Until all are here."""

    def close(self) -> None:
        """End what was started."""


class DistributedGroup(SingleProcess):
    """This process among `size`, connected; `others` are those it started."""

    def __init__(self, cpu: bool, others: Sequence[subprocess.Popen[bytes]] = ()) -> None:
        from accelerate import PartialState  # type: ignore[import-untyped]

        self.state = PartialState(cpu=cpu)
        self.rank, self.size, self.device = (
            self.state.process_index,
            self.state.num_processes,
            self.state.device,
        )
        self.others = others

    def local_rows(self, rows: list[TokenRow]) -> list[TokenRow]:
        """This rank's rows: neighbours in sorted order, so that common beginnings stay together,
        cut where each rank has about as many tokens."""
        ordered = sorted(rows, key=lambda row: row.ids)
        whole = sum(len(row.ids) for row in ordered)
        mine, before = [], 0
        for row in ordered:
            if before * self.size // max(whole, 1) == self.rank:
                mine.append(row)
            before += len(row.ids)
        return mine

    def sum_gradients(self, weights: Sequence[Tensor]) -> None:
        flat = torch.cat([
            (torch.zeros_like(weight) if weight.grad is None else weight.grad).flatten() for weight in weights
        ])  # fmt: skip
        torch.distributed.all_reduce(flat)
        for weight, part in zip(weights, flat.split([weight.numel() for weight in weights]), strict=True):
            weight.grad = part.view_as(weight)

    def sum_scalar(self, value: float) -> float:
        return float(self._reduced(value))

    def broadcast_decision(self, decision: int) -> int:
        return int(self._reduced(decision if self.rank == 0 else 0))

    def _reduced(self, value: float) -> Tensor:
        tensor = torch.tensor(float(value), dtype=torch.float32, device=self.device)
        torch.distributed.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        self.state.wait_for_everyone()

    def close(self) -> None:
        self.state.destroy_process_group()
        for other in self.others:
            try:
                other.wait(20)
            except subprocess.TimeoutExpired:
                other.kill()


def join_group(
    config: TrainConfig, examples: Sequence[Example], folder: Path, snapshot: str
) -> SingleProcess:
    """The group this process is in; rank 0 of several starts the others, which read what it was
    given from `folder`. They are of its process group: what ends it ends them."""
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    if os.environ.get("STEPMARK_RANK"):
        return DistributedGroup(cpu)
    if config.processes == 1:
        return SingleProcess()
    if not cpu and torch.cuda.device_count() < config.processes:
        raise ValueError(f"processes is {config.processes}, but there are {torch.cuda.device_count()} GPUs")
    given = {"config": config.as_json(), "snapshot": snapshot, "examples": [asdict(one) for one in examples]}
    (folder / "given.json").write_bytes(orjson.dumps(given))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"WORLD_SIZE": str(config.processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    others = []
    for rank in range(1, config.processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "STEPMARK_RANK": str(rank)}
        command = [sys.executable, "-m", "app.prm.distributed", str(folder)]
        others.append(subprocess.Popen(command, env=os.environ | shared | place))
    os.environ.update(shared, RANK="0", LOCAL_RANK="0")
    return DistributedGroup(cpu, others)


def run_other_rank(folder: Path) -> None:
    """What the other ranks run: the same training; they report to nobody and decide nothing.
    Rank 0 is asked to end and tells them; if it is gone, so are they."""
    from app.prm.train import train

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    given: dict[str, Any] = orjson.loads((folder / "given.json").read_bytes())
    examples = [Example(**one) for one in given["examples"]]
    config = TrainConfig.parse(given["config"])
    train(config, examples, folder, lambda said: None, lambda: None, given["snapshot"])


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    run_other_rank(Path(sys.argv[1]))
