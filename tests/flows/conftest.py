"""A whole Stepmark for a journey: web and worker as real processes on a database of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.polling import free_port, until

T = TypeVar("T")


@dataclass
class Running:
    url: str
    home: Path
    logs: Path
    pages: list[httpx.Client] = field(default_factory=list)

    def browser(self) -> httpx.Client:
        """A client that behaves as a page of this server does."""
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
        self.pages.append(httpx.Client(base_url=self.url, headers=headers, timeout=60))
        return self.pages[-1]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `stepmark ...` as a person would."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def running(database: str, home: Path, tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    logs = tmp_path / "logs"
    logs.mkdir()
    commands = {
        "web": [
            sys.executable,
            "-m",
            "uvicorn",
            "app.main:app",
            "--port",
            str(port),
            "--log-level",
            "warning",
        ],
        "worker": [sys.executable, "-m", "app.cli", "worker"],
    }
    started = []
    for name, command in commands.items():
        with (logs / f"{name}.log").open("w") as log:
            started.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {}, start_new_session=True)
            )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    running_site = Running(url, home, logs)
    try:
        until(answers, "the web process to answer")
        yield running_site
    finally:
        for page in running_site.pages:
            page.close()
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for log in sorted(logs.iterdir()):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}")  # shown by pytest when the test failed
