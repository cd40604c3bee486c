"""The process of a job: its exit code, its log, and how it is ended. Real processes."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.core import subprocess_jobs
from app.core.jobs import stop_requested

PROGRAM = """
import signal, subprocess, sys, time
how = sys.argv[1]
if how == "polite":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
elif how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif how == "broken":
    print("".join(f"line {n}\\n" for n in range(2000)), end="")
    sys.exit(5)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(f"child {child.pid}", flush=True)
time.sleep(600)
"""
Process = subprocess.Popen[bytes]
Started = Callable[[str], tuple[Process, Path]]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    (tmp_path / "a_job.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    processes = []

    def start(how: str) -> tuple[Process, Path]:
        log = tmp_path / "runs" / "1.log"
        processes.append(subprocess_jobs.start("a_job", how, log=log))
        end = time.monotonic() + 30
        while processes[-1].poll() is None and not subprocess_jobs.tail(log) and time.monotonic() < end:
            time.sleep(0.02)
        return processes[-1], log

    yield start
    for process in processes:
        subprocess_jobs.end_group(process, 0)


def child_of(log: Path) -> psutil.Process | None:
    number = int(subprocess_jobs.tail(log).split()[-1])
    return psutil.Process(number) if psutil.pid_exists(number) else None


@pytest.mark.parametrize(("how", "patience", "code"), [("polite", 30, 3), ("deaf", 0.2, -signal.SIGKILL)])
def test_what_nobody_wants_is_ended_with_all_it_started(
    started: Started, how: str, patience: float, code: int
) -> None:
    process, log = started(how)
    child = child_of(log)
    assert child is not None
    answers = iter([False, True])
    assert not subprocess_jobs.watch(process, lambda: next(answers), patience=patience)
    assert process.returncode == code
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_work_is_handed_back_when_the_worker_ends(started: Started) -> None:
    process, _ = started("polite")
    threading.Timer(0.1, stop_requested.set).start()
    try:
        assert subprocess_jobs.watch(process, lambda: False, patience=0, patience_at_stop=30)
    finally:
        stop_requested.clear()
    assert process.returncode == 3, "its exit code says that it did not get to the end"


def test_describe_exit_is_said_with_its_last_lines(started: Started, tmp_path: Path) -> None:
    process, log = started("broken")
    assert not subprocess_jobs.watch(process, lambda: False, patience=0)
    message = subprocess_jobs.describe_exit("sampling", process.returncode, log, lines=2)
    assert message == "The sampling process ended with exit code 5.\nline 1998\nline 1999"
    killed = subprocess_jobs.describe_exit("scoring", -signal.SIGKILL, tmp_path / "no.log")
    assert killed == "The scoring process was ended by SIGKILL. The system may have run out of memory."
