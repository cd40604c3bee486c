"""A Stepmark to simulate in: web and worker as processes of ours, on a port nobody uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from app.core.errors import DomainError
from app.core.supervisor import Child, Supervisor, stepmark_command
from app.core.web_process import find_free_port, is_serving, web_command, web_url
from app.simulation.datasets import Report

T = TypeVar("T")
HOST = "127.0.0.1"
LOOK_SECONDS = 0.3
FINAL = ("succeeded", "failed", "cancelled")


class Stuck(DomainError):
    """What was waited for did not come, or came out wrong."""

    status, code = 409, "stuck"

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy="Mend that, then give the same command again: it goes on.")


class House:
    def __init__(self, port: int, children: Supervisor, report: Report) -> None:
        self.url, self.children, self.report = web_url(HOST, port), children, report

    def page(self) -> httpx.Client:
        """A client that behaves as a browser's page of this server does."""
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    def until(self, look: Callable[[], T | None], said: dict[str, Any], seconds: float = 7200) -> T:
        """The first thing that `look` finds. Children that died are started again meanwhile."""
        end = time.monotonic() + seconds
        while True:
            for line in self.children.restart_due():
                self.report({"phase": line})
            self.report(said)
            if (found := look()) is not None:
                return found
            if time.monotonic() > end:
                raise Stuck(f"Waited {seconds:g} s for: {said['phase']}.")
            time.sleep(LOOK_SECONDS)


@contextmanager
def opened(report: Report) -> Iterator[House]:
    """Nothing of it is left when the block ends, however it ends."""
    port = find_free_port(HOST)
    before = os.environ.get("STEPMARK_SECURE_COOKIES")
    os.environ["STEPMARK_SECURE_COOKIES"] = "0"  # plain http, and only on this machine
    members = [Child("worker", stepmark_command("worker"), 30.0), Child("web", web_command(HOST, port))]
    children = Supervisor(members)
    try:
        house = House(port, children, report)
        house.until(lambda: is_serving(HOST, port) or None, {"phase": "web and worker start"}, 120)
        yield house
        report({"phase": "web and worker end"})
        children.stop()
    finally:
        children.stop(hurry=True)
        if before is None:
            del os.environ["STEPMARK_SECURE_COOKIES"]
        else:
            os.environ["STEPMARK_SECURE_COOKIES"] = before


class Api:
    """A project's API, as one signed-in page speaks to it."""

    def __init__(self, house: House, page: httpx.Client, slug: str) -> None:
        self.house, self.page, self.base = house, page, f"/api/v1/projects/{slug}"

    def get(self, path: str) -> dict[str, Any]:
        return answer(self.page.get(self.base + path))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return answer(self.page.post(self.base + path, json=body or {}))

    def finished(self, path: str, said: dict[str, Any], *, detail: str = "") -> dict[str, Any]:
        """What `path` says once its state is final. One that failed or was cancelled is resumed once."""
        found = self.get(path)
        if found["state"] in ("failed", "cancelled"):
            self.post(f"{path}/resumption")

        def look() -> dict[str, Any] | None:
            now = self.get(path)
            return now if now["state"] in FINAL else None

        found = self.house.until(look, said)
        if found["state"] != "succeeded":
            raise Stuck(
                f"{said['phase'].capitalize()}: it {found['state']}. {found.get('error') or ''}".strip()
            )
        return found


def answer(of: httpx.Response) -> dict[str, Any]:
    if of.is_success:
        found: dict[str, Any] = of.json()
        return found
    said = of.json() if "json" in of.headers.get("content-type", "") else {}
    words = f"{said.get('message', of.text[:300])} {said.get('remedy', '')}".strip()
    raise Stuck(f"{of.request.method} {of.request.url.path} was answered {of.status_code}: {words}")
