"""The process of every rank but the first, which starts it (distributed.py). It runs the same training, but
neither reports nor decides: rank 0 handles signals and broadcasts its decision. The other ranks exit when
rank 0 is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from app.prm.config import TrainConfig
from app.prm.distributed import TASK_FILE
from app.prm.examples import Example
from app.prm.train import train


def run_other_rank(folder: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    task: dict[str, Any] = orjson.loads((folder / TASK_FILE).read_bytes())
    examples = [Example(**example) for example in task["examples"]]
    config = TrainConfig.parse(task["config"])
    train(config, examples, folder, lambda progress: None, lambda: None, task["snapshot"])


def _exit_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    run_other_rank(Path(sys.argv[1]))
