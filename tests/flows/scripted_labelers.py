"""Scripted labelers: each has signed in, uses the endpoints of the desk and rates up to the first error."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx

Rater = Callable[[str, list[str]], list[int]]
"""(problem, steps) -> a rating for each step."""
FINISHED = ("none_left", "none_left_for_you", "queue_empty")


def sign_in(page: httpx.Client, email: str, password: str) -> httpx.Client:
    answer = page.post("/session", data={"email": email, "password": password})
    assert answer.status_code == 303, answer.text
    return page


def label_together(pages: Sequence[httpx.Client], slug: str, rate: Rater) -> int:
    """Labelers work at once until the queue is empty. Returns the number of submissions."""
    submissions: list[int] = []
    threads = [
        threading.Thread(target=lambda page=page: submissions.append(label_all(page, slug, rate)))
        for page in pages
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert len(submissions) == len(pages), "a labeler did not finish"
    return sum(submissions)


def label_all(page: httpx.Client, slug: str, rate: Rater) -> int:
    """Take tasks until the queue is empty. Returns the number of submissions."""
    count = 0
    while True:
        task: dict[str, Any] | None = read_json(page.post(f"/projects/{slug}/assignments"))
        if task and "no_task" in task:
            assert task["no_task"]["code"] in FINISHED, task["no_task"]
            return count
        while task is not None:
            task = label(page, slug, task, rate)
            count += 1


def label(page: httpx.Client, slug: str, task: dict[str, Any], rate: Rater) -> dict[str, Any] | None:
    """Rate one solution and submit it. Returns the next task, if there is one."""
    ratings = rate(task["problem"]["statement"], task["steps"])
    ratings = ratings[: ratings.index(-1) + 1] if -1 in ratings else ratings
    events = [
        {"id": str(uuid.uuid4()), "position": position, "rating": rating, "active_ms": 0}
        for position, rating in enumerate(ratings)
    ]
    address = f"/projects/{slug}/assignments/{task['assignment']['id']}"
    saved = read_json(page.post(f"{address}/ratings", json={"events": events}))["saved"]
    assert saved == [event["id"] for event in events], f"{address}: a rating was not saved"
    reason = "found_error" if ratings[-1] == -1 else "solution"
    submission = {"finish_reason": reason, "total_time_ms": 0}
    following: dict[str, Any] | None = read_json(page.post(f"{address}/submission", json=submission))["next"]
    return following


def read_json(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
    return answer.json()
