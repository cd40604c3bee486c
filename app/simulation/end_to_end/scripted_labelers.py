"""Scripted labelers: each signed in, working by the desk's own endpoints, following a judge and stopping
at the first error."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from app.simulation.end_to_end.server import Stuck, answer
from app.world.kinds.base import up_to_first_error

Judge = Callable[[str, list[str]], list[int]]
"""(problem, steps) -> a rating for each step."""
DONE = ("none_left", "none_left_for_you", "queue_empty")
NO_TIME = 0
"""Milliseconds: nobody spent any, so none is claimed."""


def sign_in(page: httpx.Client, email: str, password: str) -> httpx.Client:
    said = page.post("/session", data={"email": email, "password": password})
    if said.status_code != 303:
        raise Stuck(f"{email} could not sign in: {said.text[:300]}")
    return page


def label_all(page: httpx.Client, slug: str, judge: Judge, stop: threading.Event | None = None) -> int:
    """Take tasks until the queue is empty; how many were submitted."""
    done = 0
    while not (stop and stop.is_set()):
        sheet: dict[str, Any] | None = answer(page.post(f"/projects/{slug}/assignments"))
        if sheet and "no_task" in sheet:
            if sheet["no_task"]["code"] not in DONE:
                raise Stuck(f"The desk of {slug} says: {sheet['no_task']['message']}")
            return done
        while sheet is not None and not (stop and stop.is_set()):
            sheet = label(page, slug, sheet, judge)
            done += 1
    return done


def label(page: httpx.Client, slug: str, sheet: dict[str, Any], judge: Judge) -> dict[str, Any] | None:
    """Rate one solution up to its first error and submit; the next sheet, if there is one."""
    ratings = up_to_first_error(judge(sheet["problem"]["statement"], sheet["steps"]))
    said = {each["position"] for each in sheet["ratings"] if each["rating"] is not None}
    events = [
        {"id": str(uuid.uuid4()), "position": position, "rating": rating, "active_ms": NO_TIME}
        for position, rating in enumerate(ratings)
        if position not in said  # by this labeler, before something was broken off
    ]
    where = f"/projects/{slug}/assignments/{sheet['assignment']['id']}"
    if events:
        saved = answer(page.post(f"{where}/ratings", json={"events": events}))["saved"]
        if saved != [event["id"] for event in events]:
            raise Stuck(f"{where}: not every rating was saved")
    reason = "found_error" if ratings[-1] == -1 else "solution"
    submission = {"finish_reason": reason, "total_time_ms": NO_TIME}
    following: dict[str, Any] | None = answer(page.post(f"{where}/submission", json=submission))["next"]
    return following


class Shift:
    """Several labelers at once, each in a thread with a page of their own."""

    def __init__(self, pages: Sequence[httpx.Client], slug: str, judge: Judge) -> None:
        self.stop = threading.Event()
        self.wrong: list[BaseException] = []
        self.threads = [
            threading.Thread(target=self._work, args=(page, slug, judge), daemon=True) for page in pages
        ]
        for thread in self.threads:
            thread.start()

    def _work(self, page: httpx.Client, slug: str, judge: Judge) -> None:
        try:
            label_all(page, slug, judge, self.stop)
        except BaseException as error:
            self.wrong.append(error)
            self.stop.set()

    def over(self) -> bool | None:
        """True when all have gone home. What went wrong with one of them is raised."""
        if any(thread.is_alive() for thread in self.threads):
            return None
        if self.wrong:
            raise self.wrong[0]
        return True

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(10)
