"""Gold and screening of our own come out of an export as PRM800K marks them, and go in again."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts import sessions
from app.accounts.access import cookie_name
from app.core.db import transaction
from app.exchange import importer
from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
from app.labeling import claims, control_tasks
from app.main import create_app
from app.problems.models import ExternalLabel, Solution
from app.projects.models import Project
from app.quality import control_task_creation
from app.selection.models import Generation
from app.training import snapshots
from tests.factories import base as factories
from tests.factories.quality import NOW, STEPS, expected_first_error, label_solution


def solution(db: Session, project: Project, number: int, first_error: int | None = None) -> Solution:
    built = factories.solution(db, factories.problem(db, project, f"What is {number} + 2?"), STEPS)
    if first_error is not None:
        db.add(ExternalLabel(solution_id=built.id, source="file:processbench", first_error=first_error))
        db.flush()
    return built


def export(path: str, token: str) -> list[dict[str, Any]]:
    with TestClient(create_app(), base_url="http://testserver") as web:
        web.cookies.set(cookie_name(), token)
        answer = web.get(path)
        assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


def marks(row: dict[str, Any]) -> tuple[bool, bool, int | None]:
    return row["is_quality_control_question"], row["is_initial_screening_question"], row["generation"]


def test_gold_belongs_to_the_generation_it_was_handed_out_in(
    db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PRM800K's README: "In each generation, we reserve some solutions for quality control"."""
    monkeypatch.setattr(control_tasks.secrets, "randbelow", lambda most: 0)
    project = factories.project(db, gold_rate=0.5, gold_threshold=0.0)
    for number in range(3):
        solution(db, project, number, 1)
    control_task_creation.create_control_tasks(db, project, None, "gold", 3)
    factories.task(db, solution(db, project, 5), generation=1)
    who = factories.member(db, project)
    for number in (1, 2, None):  # the generation that is queued after this one was handed out
        held = claims.claim_assignment(db, project, who, NOW + dt.timedelta(hours=number or 3))
        assert held is not None
        assert held.task.kind == "gold"
        label_solution(db, project, held, 1)
        if number:
            moment = NOW + dt.timedelta(hours=number, minutes=30)
            db.add(Generation(project_id=project.id, number=number, policy={}, funnel={}, created_at=moment))
            db.flush()

    def list_generations(*generations: str) -> list[int]:
        chosen = Prm800kParameters(generation=list(generations))
        lines = b"".join(FORMAT.rows(db, project.id, chosen)).splitlines()
        assert FORMAT.count(db, project.id, chosen) == len(lines)
        return [json.loads(line)["generation"] for line in lines]

    assert list_generations() == [0, 1, 2]
    assert list_generations("1") == [1]
    frozen = snapshots.create_snapshot(db, project.id, {"generations": [1, 2], "held_out": 0}, None)
    assert frozen.counts["train_solutions"] == 2


@pytest.mark.usefixtures("database")
def test_gold_and_screening_carry_their_flags_through_the_export_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_tasks.secrets, "randbelow", lambda most: 0)  # gold as long as there is some
    with transaction() as db:
        project = factories.project(db, "Ours", screening_threshold=0.5, gold_rate=0.5, gold_threshold=0.0)
        for number, at in enumerate((-1, 0, 1, 2, -1)):
            solution(db, project, number, at)
        control_task_creation.create_control_tasks(db, project, None, "screening", 2)
        control_task_creation.create_control_tasks(db, project, None, "gold", 3)
        for number, generation in enumerate((0, 0, 4, 4, 4), 5):
            factories.task(db, solution(db, project, number), generation=generation)
        who, boss = factories.member(db, project), factories.member(db, project, "admin")
        kinds: Counter[str] = Counter()
        errors_by_kind: dict[str, int] = {}
        while held := claims.claim_assignment(db, project, who, NOW):
            kind = held.task.kind
            first_error = -1 if kind == "regular" else expected_first_error(db, held)
            kinds[kind] += 1
            errors_by_kind[kind] = errors_by_kind.get(kind, 0) + (1 if first_error >= 0 else 0)
            label_solution(db, project, held, first_error)
        token = sessions.create_session(db, boss, now=dt.datetime.now(dt.UTC))
        other = factories.project(db, "Theirs")
        factories.member(db, other, "admin", boss)
        copy = other.id
    assert kinds == {"screening": 2, "gold": 3, "regular": 5}

    rows = export("/projects/ours/exports/prm800k.jsonl", token)
    flags = Counter(map(marks, rows))
    assert flags == {(False, True, -1): 2, (True, False, 0): 3, (False, False, 0): 2, (False, False, 4): 3}
    for kind, flag in (("screening", 1), ("gold", 0)):
        only = export(f"/projects/ours/exports/prm800k.jsonl?kind={kind}", token)
        assert [marks(row) for row in only] == [marks(row) for row in rows if marks(row)[flag]]
        wrong = [row for row in only if row["label"]["finish_reason"] == "found_error"]
        assert len(wrong) == errors_by_kind.get(kind, 0)

    path = tmp_path / "ours.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with transaction() as db:
        begun = importer.create_import(db, db.get_one(Project, copy), path)
    done = importer.run_import(begun.id)
    assert (done.state, done.counts["errors"], done.counts["labels"]) == ("succeeded", 0, len(rows))
    assert export("/projects/theirs/exports/prm800k.jsonl", token) == rows
