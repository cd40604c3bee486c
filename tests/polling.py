"""Waiting for what happens elsewhere: in another process, or a thread. For a state, never for a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
LONG = 300.0
"""Seconds for what only a machine that is too busy makes late; a test gives less where that is promised."""


def until(look: Callable[[], T], what: str, seconds: float = LONG, more: Callable[[], str] = str) -> T:
    """The first true thing `look` finds; fails naming `what`, and `more` of it, when it takes too long."""
    end = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}. {more()}")
        time.sleep(0.05)
    return value


def gone(pid: int) -> bool:
    """No such process, or one that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
