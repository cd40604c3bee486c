"""Scripted labelers: they work by the desk's own endpoints and follow a judge."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx

Judge = Callable[[str, list[str]], list[int]]
"""(problem, steps) -> a rating for each step."""


def label_all(page: httpx.Client, slug: str, judge: Judge) -> int:
    """Take tasks until the queue is empty; how many were submitted."""
    done = 0
    while "nothing" not in (sheet := page.post(f"/projects/{slug}/assignments").json()):
        while sheet is not None:
            sheet = label(page, slug, sheet, judge)
            done += 1
    assert sheet["nothing"]["code"] in ("all_done", "yours_done"), sheet
    return done


def label(page: httpx.Client, slug: str, sheet: dict[str, Any], judge: Judge) -> dict[str, Any] | None:
    """Rate one solution up to its first error and submit; the next sheet, if there is one."""
    ratings = judge(sheet["problem"]["statement"], sheet["steps"])
    if -1 in ratings:
        ratings = ratings[: ratings.index(-1) + 1]
    events = [
        {"id": str(uuid.uuid4()), "position": position, "rating": rating, "active_ms": 700}
        for position, rating in enumerate(ratings)
    ]
    where = f"/projects/{slug}/assignments/{sheet['assignment']['id']}"
    saved = page.post(f"{where}/ratings", json={"events": events})
    assert saved.status_code == 200, saved.text
    assert saved.json()["saved"] == [event["id"] for event in events]
    reason = "found_error" if ratings[-1] == -1 else "solution"
    submitted = page.post(
        f"{where}/submission", json={"finish_reason": reason, "total_time_ms": 700 * len(events)}
    )
    assert submitted.status_code == 200, submitted.text
    following: dict[str, Any] | None = submitted.json()["next"]
    return following
