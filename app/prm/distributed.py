"""Training with several processes, one per GPU (or on CPUs, for tests).

Hugging Face Accelerate finds the devices and connects the processes. Rank 0 is the process that was
started: it starts the others, writes the files and reports. Each process computes its part of an optimizer
step's rows. The gradients are summed, not averaged, because each part is already divided by the labels of
the whole step (loss.py)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import torch
from torch import Tensor

from app.prm.config import TrainConfig
from app.prm.examples import Example, TokenRow

GO, STOP, FINISH = 0, 1, 2
TASK_FILE = "task.json"


class SingleProcess:
    """The group of one process."""

    rank, size = 0, 1
    device: torch.device | None = None
    """The device of this process, if the group assigns it."""

    def local_rows(self, rows: list[TokenRow]) -> list[TokenRow]:
        return rows

    def sum_gradients(self, weights: Sequence[Tensor]) -> None:
        """Sum the gradients over the processes."""

    def sum_scalar(self, value: float) -> float:
        return value

    def broadcast_decision(self, decision: int) -> int:
        """The decision of rank 0: GO, STOP (to be resumed) or FINISH."""
        return decision

    def wait(self) -> None:
        """Wait until every process is at this point."""

    def close(self) -> None:
        """Disconnect and end the processes that this one started."""


class DistributedGroup(SingleProcess):
    """This process among `size` connected ones. `others` are the processes it started."""

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
        """This rank's rows: a contiguous part of the sorted rows, so that common prefixes stay together,
        with about the same number of tokens for each rank."""
        ordered = sorted(rows, key=lambda row: row.ids)
        total = sum(len(row.ids) for row in ordered)
        local, before = [], 0
        for row in ordered:
            if before * self.size // max(total, 1) == self.rank:
                local.append(row)
            before += len(row.ids)
        return local

    def sum_gradients(self, weights: Sequence[Tensor]) -> None:
        flat = torch.cat([
            (torch.zeros_like(weight) if weight.grad is None else weight.grad).flatten() for weight in weights
        ])  # fmt: skip
        torch.distributed.all_reduce(flat)
        for weight, part in zip(weights, flat.split([weight.numel() for weight in weights]), strict=True):
            weight.grad = part.view_as(weight)

    def sum_scalar(self, value: float) -> float:
        return float(self._reduce(value))

    def broadcast_decision(self, decision: int) -> int:
        return int(self._reduce(decision if self.rank == 0 else 0))

    def _reduce(self, value: float) -> Tensor:
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
    """The group of this process. Rank 0 starts the other ranks, which read their input from `folder`. They
    belong to its process group, so a signal to the group ends them all. Raises ValueError if there are fewer
    GPUs than processes."""
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    if os.environ.get("STEPMARK_RANK"):
        return DistributedGroup(cpu)
    if config.num_processes == 1:
        return SingleProcess()
    if not cpu and torch.cuda.device_count() < config.num_processes:
        raise ValueError(
            f"num_processes is {config.num_processes}, but there are {torch.cuda.device_count()} GPUs"
        )
    task = {
        "config": config.to_json(),
        "snapshot": snapshot,
        "examples": [asdict(example) for example in examples],
    }
    (folder / TASK_FILE).write_bytes(orjson.dumps(task))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"WORLD_SIZE": str(config.num_processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    others = []
    for rank in range(1, config.num_processes):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "STEPMARK_RANK": str(rank)}
        command = [sys.executable, "-m", "app.prm.distributed_rank", str(folder)]
        others.append(subprocess.Popen(command, env=os.environ | shared | environment))
    os.environ.update(shared, RANK="0", LOCAL_RANK="0")
    return DistributedGroup(cpu, others)
