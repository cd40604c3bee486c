"""Processes that `stepmark up` keeps running: each in a group of its own, restarted when
it crashes, and all of them ended, with whatever they started, when we end; also when we
are killed, for a watcher sees to that."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.core import process_identity

MAX_RESTART_DELAY = 30.0  # seconds between two restarts of a child that keeps crashing
STABLE_SECONDS = 60.0  # a child up this long starts again at once when it crashes
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Child:
    name: str
    command: list[str]
    patience: float = 10.0  # seconds between the request to end and the kill
    process: subprocess.Popen[bytes] | None = None
    crashes: int = 0
    born: float = 0.0
    again_at: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
        )
        self.born = time.monotonic()


class Supervisor:
    """Child processes in start order. They stop in the opposite order."""

    def __init__(self, members: list[Child]) -> None:
        self.members = members
        ours, self._told = os.pipe()
        self._watcher = subprocess.Popen(
            [sys.executable, "-c", "from app.core.supervisor import watch_children; watch_children()"],
            stdin=ours,
            cwd=ROOT,
            start_new_session=True,
        )
        os.close(ours)

    def restart_due(self) -> list[str]:
        """Start children that are down and due. Returns messages to print. Call it regularly."""
        lines = []
        now = time.monotonic()
        for child in self.members:
            if child.process is not None and (code := child.process.poll()) is not None:
                kill_group(child.process.pid)
                child.process = None
                child.crashes = 1 if now - child.born > STABLE_SECONDS else child.crashes + 1
                wait = min(2.0 ** (child.crashes - 1), MAX_RESTART_DELAY)
                child.again_at = now + wait
                lines.append(
                    f"The {child.name} ended ({describe_exit(code)}); it starts again in {wait:.0f} s"
                )
            if child.process is None and now >= child.again_at:
                child.start()
                assert child.process is not None
                os.write(self._told, f"{process_identity.process_identity(child.process.pid)}\n".encode())
        return lines

    def retry_now(self) -> None:
        """Start children that wait to be started again without further delay: what they missed is back."""
        for child in self.members:
            child.crashes, child.again_at = 0, 0.0

    def stop(self, *, hurry: bool = False) -> None:
        for child in reversed(self.members):
            if child.process is not None:
                stop_process(psutil.Process(child.process.pid), 0.5 if hurry else child.patience)
                child.process.wait()
                child.process = None
        if self._watcher.returncode is None:
            os.close(self._told)
            self._watcher.wait()


def stop_process(process: psutil.Process, patience: float) -> None:
    """Terminate a process; after `patience` seconds kill it and its descendants."""
    theirs: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        theirs = process.children(recursive=True)
        process.terminate()
        process.wait(patience)
    kill_group(process.pid)
    for left in theirs:  # psutil refuses an id that was given to somebody else
        with contextlib.suppress(psutil.Error):
            left.kill()


def kill_group(pid: int) -> None:
    """Kill the rest of the process group of a child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def watch_children() -> None:
    """The watcher: read the children's identities until the owner is gone, then stop those still running."""
    for identity in sys.stdin.read().split():
        if left := process_identity.find_process(identity):
            stop_process(left, 10.0)


def stepmark_command(*arguments: str) -> list[str]:
    """The command that runs `stepmark ...` with this Python."""
    return [sys.executable, "-m", "app.cli", *arguments]


def describe_exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
