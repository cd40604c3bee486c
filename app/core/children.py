"""Processes that `stepmark up` keeps running: each in a group of its own, restarted when
it crashes, and all of them ended, with whatever they started, when we end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LONGEST_WAIT = 30.0  # seconds between two restarts of a child that keeps crashing
STEADY = 60.0  # a child up this long starts again at once when it crashes
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

    def restart_if_down(self) -> str | None:
        """Called now and then; gives a line to say when something happened."""
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            end_group(self.process.pid)
            self.process = None
            self.crashes = 1 if now - self.born > STEADY else self.crashes + 1
            wait = min(2.0 ** (self.crashes - 1), LONGEST_WAIT)
            self.again_at = now + wait
            return f"The {self.name} ended ({_ended(code)}); it starts again in {wait:.0f} s"
        if self.process is None and now >= self.again_at:
            self.start()
        return None


@dataclass
class Children:
    """In the order they start; they end in the opposite order."""

    members: list[Child] = field(default_factory=list)

    def stop(self, *, hurry: bool = False) -> None:
        theirs: list[psutil.Process] = []
        for child in reversed(self.members):
            if child.process is None:
                continue
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(child.process.pid)
                theirs += parent.children(recursive=True)
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(0.5 if hurry else child.patience)
            end_group(child.process.pid)
            child.process.wait()
        for left in theirs:  # psutil refuses an id that was given to somebody else
            with contextlib.suppress(psutil.Error):
                left.kill()


def end_group(pid: int) -> None:
    """End what is left of the group of a child of ours that has ended or shall end now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def stepmark(*arguments: str) -> list[str]:
    """The command line that runs `stepmark ...` with this very Python."""
    return [sys.executable, "-m", "app.cli", *arguments]


def _ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
