"""A prover in a process of its own, with two seconds and 512 MB for each answer, whatever it holds. The
process is killed when it takes longer, and started again for the next answer. Not a thread: a loop inside
sympy heeds nothing but a kill, and a time limit by SIGALRM works on a main thread only."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parent.parent.parent
SECONDS = 2.0
START_SECONDS = 60.0
MOST_REMEMBERED = 10_000


class ProverProcess:
    """A `Prover` (grade.py). Use it in a `with` block; nothing starts before the first question."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.remembered: dict[tuple[str, str], bool | None] = {}
        self.killed = 0

    def __enter__(self) -> ProverProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def equal(self, reference: str, answer: str) -> bool | None:
        question = (reference, answer)
        if question not in self.remembered:
            if len(self.remembered) > MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered[question] = self._ask(question)
        return self.remembered[question]

    def _ask(self, question: tuple[str, str]) -> bool | None:
        if self.process is None:
            self._start()
        process = self.process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            self.stop()
            return None
        reply = self._read_line(self.seconds)
        if reply is None:
            self.killed += 1
            self.stop()
            return None
        return {b"true": True, b"false": False}.get(reply.strip())

    def _start(self) -> None:
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.answers.prover_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        if self._read_line(START_SECONDS) is None:
            self.stop()
            raise RuntimeError("The grader's process does not start. Check that math-verify is installed.")

    def _read_line(self, seconds: float) -> bytes | None:
        """The next line; None when time is up or the process is gone."""
        assert self.process is not None
        assert self.process.stdout is not None
        deadline, line = time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while (remaining := deadline - time.monotonic()) > 0 and selector.select(remaining):
                piece = os.read(self.process.stdout.fileno(), 65536)
                if not piece:
                    return None
                line += piece
                if line.endswith(b"\n"):
                    return line
        return None

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.process = None
