"""The whole loop over real HTTP: import, label, round, generation 1 with reasons, label it,
a second round, export. Web and worker are real processes, the PRM is really trained."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from app.core.db import transaction
from app.labeling.models import Task
from tests.conftest import SHARED
from tests.factories import base as factories
from tests.flows.conftest import Running
from tests.flows.scripted_labelers import Rater, label_together, sign_in
from tests.polling import until

TINY = {"size": "tiny", "epochs": 1, "vocabulary": 1000, "learning_rate": 2e-3, "device": "cpu"}


def test_the_loop(running: Running, tmp_path: Path) -> None:
    """On solutions that people judged, where the public data is there; else on sums."""
    real = SHARED / "processbench" / "gsm8k.json"
    rows = json.loads(real.read_text()) if real.is_file() else made_rows(90)
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    the_loop(running, file, first=60, size=20)


def the_loop(running: Running, file: Path, *, first: int, size: int) -> None:
    rate = rater_of(json.loads(file.read_text()))
    people = crew(running)
    researcher = people["researcher"]
    labelers = [page for name, page in people.items() if name.startswith("labeler")]

    with file.open("rb") as upload:
        answer = people["admin"].post(
            "/api/v1/projects/flow/imports",
            files={"file": (file.name, upload)},
            data={"format": "processbench"},
        )
    assert answer.status_code in (200, 201, 202), answer.text
    imported = finished(people["admin"], f"/api/v1/projects/flow/imports/{answer.json()['id']}", 60)
    assert imported["counts"]["solutions"] == len(json.loads(file.read_text()))

    filled = researcher.post("/api/v1/projects/flow/queue", json={"limit": first})
    assert filled.json() == {"queued": first}
    assert label_together(labelers, "flow", rate) == first

    generation = run_round(researcher, size)
    assert generation == 1
    tasks = queue_of(generation)
    assert len(tasks) == size
    assert sum(task.reason["strategy"] == "convincing_wrong" for task in tasks) > 0
    assert all(task.reason["model_id"] and task.reason["rank"] is not None for task in tasks)

    assert label_together(labelers, "flow", rate) == size
    assert run_round(researcher, size // 2) == 2

    rows = [json.loads(line) for line in export(people["admin"]).splitlines()]
    assert len(rows) == first + size
    assert {row["generation"] for row in rows} == {0, 1}
    for row in rows:
        ratings = [step["completions"][0]["rating"] for step in row["label"]["steps"]]
        expected = rate(row["question"]["problem"], row["question"]["pre_generated_steps"])
        stop = expected.index(-1) + 1 if -1 in expected else len(expected)
        assert ratings == expected[:stop]
        assert row["label"]["finish_reason"] == ("found_error" if -1 in expected else "solution")


def crew(running: Running) -> dict[str, httpx.Client]:
    """A project with an admin, a researcher and three labelers, each signed in through the login page."""
    from app.accounts.passwords import hash_password

    with transaction() as db:
        project = factories.project(db, "Flow")
        roles = {"admin": "admin", "researcher": "researcher"} | {f"labeler{n}": "labeler" for n in range(3)}
        for name, role in roles.items():
            who = factories.member(db, project, role, factories.user(db, f"{name}@example.org"))
            who.password_hash = hash_password("correct horse battery")
    people = {}
    for name in roles:
        people[name] = sign_in(running.browser(), f"{name}@example.org", "correct horse battery")
    return people


def run_round(researcher: httpx.Client, size: int) -> int:
    """Start a round and wait for it; the number of the generation it queued."""
    config = {"policy": {"size": size}, "train": TINY}
    answer = researcher.post("/api/v1/projects/flow/rounds", json=config)
    assert answer.status_code in (200, 201, 202), answer.text
    return int(finished(researcher, f"/api/v1/projects/flow/rounds/{answer.json()['id']}", 240)["generation"])


def queue_of(generation: int) -> list[Task]:
    with transaction() as db:
        return list(db.scalars(select(Task).where(Task.generation == generation)))


def finished(page: httpx.Client, where: str, seconds: float) -> dict[str, Any]:
    """What `where` says once its state is final; it must have succeeded."""

    def poll() -> dict[str, Any] | None:
        answer: dict[str, Any] = page.get(where).raise_for_status().json()
        return answer if answer["state"] in ("succeeded", "failed", "cancelled") else None

    result = until(poll, f"{where} to finish", seconds)
    assert result["state"] == "succeeded", result
    return result


def export(researcher: httpx.Client) -> str:
    answer = researcher.get("/api/v1/projects/flow/exports/prm800k")
    assert answer.status_code == 200, answer.text
    return answer.text


def rater_of(rows: list[dict[str, Any]]) -> Rater:
    """Positive before the first wrong step that people found, negative at it."""
    first_errors = {(row["problem"], tuple(row["steps"])): row["label"] for row in rows}

    def rate(problem: str, steps: list[str]) -> list[int]:
        first = first_errors[problem, tuple(steps)]
        return [1] * len(steps) if first == -1 else [1] * first + [-1] * (len(steps) - first)

    return rate


def made_rows(count: int) -> list[dict[str, Any]]:
    """Sums with a slip in some, in ProcessBench's shape."""
    rng = random.Random(7)  # noqa: S311  # data for a test
    rows = []
    for number in range(count):
        terms = [rng.randint(2, 60) for _ in range(4)]
        slip = rng.choice([-1, -1, 0, 1, 2])
        total, steps = terms[0], []
        for position, term in enumerate(terms[1:]):
            right = total + term
            value = right + (rng.choice([1, 10, -1]) if position == slip else 0)
            steps.append(f"{total} + {term} = {value}")
            total = value
        steps.append(f"The answer is \\boxed{{{total}}}.")
        rows.append(
            {
                "id": f"made-{number}",
                "generator": "sums",
                "problem": f"What is {' + '.join(map(str, terms))}? (Question {number})",
                "steps": steps,
                "final_answer_correct": total == sum(terms),
                "label": slip,
            }
        )
    return rows
