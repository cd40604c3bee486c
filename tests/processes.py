"""Real processes of Stepmark for tests: the web, a worker. Each has its own process group and log."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.polling import free_port

WORKER = [sys.executable, "-m", "app.cli", "worker"]


def start_process(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("a") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """As the system stops one; killed if that takes more than 30 seconds."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class WebProcess:
    """The web process: can be killed and started again on the same port."""

    def __init__(self, log: Path) -> None:
        self.port, self.log = free_port(), log
        self.url = f"http://localhost:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(self.port)]
        self.process = start_process(command, self.log)
        end = time.monotonic() + 120
        while not self.answers():
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
