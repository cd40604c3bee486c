"""A whole Stepmark for a journey: web and worker as real processes on a database of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.processes import WORKER, WebProcess, start_process, stop_process


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
    logs = tmp_path / "logs"
    logs.mkdir()
    web = WebProcess(logs / "web.log")
    worker = start_process(WORKER, logs / "worker.log")
    running_site = Running(web.url, home, logs)
    try:
        yield running_site
    finally:
        for page in running_site.pages:
            page.close()
        for process in (web.process, worker):
            stop_process(process)
        for log in sorted(logs.iterdir()):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}")  # shown by pytest when the test failed
