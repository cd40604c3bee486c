"""Private by default. The table of roles and routes is made from the app's own routes: a route
that is added is tested from then on, and one without a rule fails."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.accounts.models import Invitation, User
from app.core.security import POLICY
from app.evaluation.models import Comparison, Evaluation, EvaluationSet
from app.exchange.models import Import
from app.generators.models import Generator, SamplingRun
from app.lab.models import SearchRun
from app.labeling.models import Assignment
from app.main import create_app
from app.selection.models import Generation, Round
from app.simulation.models import Simulation
from app.training.models import Model, Snapshot, TrainingRun
from tests.conftest import forget
from tests.factories import base as factories
from tests.route_table import MEMBER, ROLES, least, routes, rules_of

PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "GET /login",
    "POST /session",
    "POST /session/end",
    "GET /invitations/{token}",
    "POST /invitations/{token}/account",
}
"""Every route for everyone is written down here a second time."""
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
EVENT = {"id": "00000000-0000-4000-8000-000000000001", "position": 0, "candidate": 0, "rating": 1,
         "flagged": None, "active_ms": 1, "at": "2026-01-01T00:00:00Z"}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/projects/{slug}/members/{user_id}/role": {"data": {"role": "labeler"}},
    "/projects/{slug}/assignments/{assignment_id}/ratings": {"json": {"events": [EVENT]}},
    "/projects/{slug}/assignments/{assignment_id}/notes": {"json": {"position": 0, "text": "x"}},
    "/projects/{slug}/assignments/{assignment_id}/note": {"data": {"position": "0", "text": "x"}},
    "/projects/{slug}/quality/solutions/{solution_id}/adjudication": {"data": {"step-0": "1", "reason": "x"}},
    "/api/v1/projects/{slug}/problems/{problem_id}/reference": {"json": {"answer": "5"}},
    "/api/v1/projects/{slug}/assignments/{assignment_id}/returns": {"json": {"reason": "x"}},
    "/projects/{slug}/quality/control-tasks": {"data": {"kind": "gold", "count": "1"}},
    "/projects/{slug}/assignments/{assignment_id}/submission": {
        "json": {"finish_reason": "give_up", "comment": "x", "total_time_ms": 1}
    },
}
"""What is right in form, so that the refusal comes from looking the object up."""


def test_no_route_without_a_rule() -> None:
    all_routes = routes()
    assert len(all_routes) > 60
    naked = [f"{method} {path}" for method, path, dependant in all_routes if not rules_of(dependant)]
    assert naked == []
    public = {f"{method} {path}" for method, path, dependant in all_routes if least(dependant) == "nobody"}
    assert public == PUBLIC
    outside = [
        path for _, path, rule in all_routes if "{slug}" in path and not rules_of(rule) & MEMBER.keys()
    ]
    assert outside == [], "a page of a project asks for a member"


def test_a_route_without_a_rule_would_be_found() -> None:
    bare = create_app()
    bare.get("/bare")(lambda: None)
    last = list(iter_route_contexts(bare.routes))[-1]
    assert last.path == "/bare"
    assert rules_of(last.dependant) == set()  # type: ignore[attr-defined]


class World:
    """Two projects with one of everything; each role in the first, the objects in the second."""

    def __init__(self, db: Session, web: TestClient) -> None:
        self.db, self.web = db, web
        self.mine, self.other = factories.project(db, "Mine"), factories.project(db, "Other")
        self.people: dict[str, User | None] = {
            "nobody": None,
            "stranger": factories.member(db, self.other, "admin"),
            "site_admin": factories.user(db, is_admin=True),
            **{role: factories.member(db, self.mine, role) for role in ("labeler", "researcher", "admin")},
        }
        owner = factories.user(db)
        self.foreign: dict[str, Any] = self.objects(factories.member(db, self.other, "labeler", owner))

    def objects(self, owner: User) -> dict[str, Any]:
        db, of = self.db, self.other.id
        problem = factories.problem(db, self.other, statement="SECRET STATEMENT")
        solution = factories.solution(db, problem)
        task = factories.task(db, solution, assigned_count=1)
        snapshot = Snapshot(project_id=of, hash=b"0" * 32, definition={}, counts={})
        db.add(snapshot)
        db.flush()
        rows = {
            "assignment_id": Assignment(
                project_id=of, task_id=task.id, user_id=owner.id, state="leased", lease_expires_at=LATER
            ),
            "import_id": Import(project_id=of, filename="SECRET", path="x", format="math", split="train"),
            "run_id": TrainingRun(project_id=of, snapshot_id=snapshot.id, config={}),
            "model_id": Model(project_id=of, name="SECRET", path="x", weights_hash=b"0" * 32, config={}),
            "round_id": Round(project_id=of, generation=1, config={}),
            "set_id": EvaluationSet(project_id=of, name="SECRET"),
            "invitation_id": Invitation(
                token_hash=b"1", email="SECRET@example.org", project_id=of, role="admin", expires_at=LATER
            ),
            "generation": Generation(project_id=of, number=7),
            "simulation_id": Simulation(
                project_id=of,
                config={"world": "chains", "budgets": ["60"]},
                policies=["random"],
                seeds=[0],
                error="SECRET",
            ),
        }
        db.add_all(rows.values())
        db.flush()
        ids: dict[str, Any] = {name: row.id for name, row in rows.items() if name != "generation"}
        judged = [
            Evaluation(project_id=of, evaluation_set_id=ids["set_id"], external_score_name="SECRET")
            for _ in range(2)
        ]
        db.add_all(judged)
        db.flush()
        compared = Comparison(project_id=of, first_id=judged[0].id, second_id=judged[1].id)
        db.add(compared)
        db.flush()
        generator = Generator(
            project_id=of, name="SECRET", kind="openai", base_url="http://SECRET", model="SECRET", config={}
        )
        db.add(generator)
        db.flush()
        sampling = SamplingRun(project_id=of, generator=generator, purpose="trial", config={})
        searched = SearchRun(
            project_id=of,
            model_id=ids["model_id"],
            generator_id=generator.id,
            problem_id=problem.id,
            config={},
        )
        db.add_all([sampling, searched])
        db.flush()
        ids |= {"generator_id": generator.id, "sampling_id": sampling.id, "search_id": searched.id}
        ids |= {"evaluation_id": judged[0].id, "comparison_id": compared.id}
        return ids | {
            "problem_id": problem.id, "solution_id": solution.id, "snapshot_id": snapshot.id, "number": 7,
            "user_id": owner.id, "token": "x" * 32, "session_id": 10**9, "token_id": 10**9, "job_id": 10**9,
            "plot": "best-of-n", "form": "csv", "name": "no-such-base",
        }  # fmt: skip

    def ask(self, role: str, method: str, path: str, slug: str) -> Any:
        """One request, undone again."""
        values = {**self.foreign, "slug": slug}
        url = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: str(values[part[1]]), path)
        self.web.cookies.clear()
        who = self.people[role]
        inside = self.db.begin_nested()
        if who is not None:
            factories.sign_in(self.web, self.db, who)
        body = BODIES.get(path) or (
            {"json": {}} if method != "GET" and ("/api/" in path or "assignments" in path) else {}
        )
        answer = self.web.request(method, url, **body)
        if inside.is_active:
            inside.rollback()
        self.db.expire_all()
        return answer


@pytest.fixture
def world(
    db: Session, web: TestClient, home: object, shared_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Exports stream from a connection of their own: it finds the same database, empty."""
    monkeypatch.setenv("DATABASE_URL", shared_engine.url.render_as_string(hide_password=False))
    forget()
    yield World(db, web)
    forget()


def login_or_401(answer: Any) -> bool:
    return answer.status_code == 401 or (
        answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")
    )


def test_every_role_on_every_route(world: World) -> None:
    wrong = []
    for method, path, dependant in routes():
        needs = least(dependant)
        for role in ROLES:
            answer = world.ask(role, method, path, "mine")
            code, label = answer.status_code, f"{role}: {method} {path} -> {answer.status_code}"
            if code >= 500:
                wrong.append(f"{label} (broken)")
            elif needs != "nobody" and role == "nobody":
                wrong += [] if login_or_401(answer) else [label]
            elif ROLES.index(role) < ROLES.index(needs):
                expected = 404 if role == "stranger" and needs != "site_admin" else 403
                wrong += [] if code == expected else [f"{label}, not {expected}"]
            elif needs != "nobody" and (login_or_401(answer) or ("{" not in path and code == 403)):
                wrong.append(f"{label}: refused")
            if code == 200 and answer.headers["content-type"].startswith("text/html"):
                wrong += (
                    [] if answer.headers["content-security-policy"] == POLICY else [f"{label}: no policy"]
                )
                inline = re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|hx-on", answer.text)
                wrong += [f"{label}: {inline[0]} inside"] if inline else []
    assert wrong == []


def test_objects_of_another_project_are_not_there(world: World) -> None:
    """An admin here, with the ids of things there: not found, whatever the verb."""
    wrong = []
    for method, path, _ in routes():
        names = re.findall(r"\{(\w+)", path)
        if "slug" not in names or len(names) == 1:
            continue
        answer = world.ask("admin", method, path, "mine")
        if answer.status_code != 404 or "SECRET" in answer.text:
            wrong.append(f"{method} {path} -> {answer.status_code}")
        elsewhere_answer = world.ask("admin", method, path, "other")
        if elsewhere_answer.status_code != 404:
            wrong.append(f"{method} {path} of a project one is not in -> {elsewhere_answer.status_code}")
    assert wrong == []
