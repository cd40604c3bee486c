"""A page added at run time has the layout, the access rule and the headers of every page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.testclient import TestClient
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy.orm import Session

from app import main
from app.core import web as core_web
from app.core.db import Db
from app.core.security import POLICY
from app.core.web import render
from app.problems.models import Problem
from app.projects.access import Researcher
from tests.factories import base as factories

TEMPLATE = """{% extends "base.html" %}
{% block title %}Problem count{% endblock %}
{% block main %}<h1>Problem count</h1><p id="count">{{ count }}</p>{% endblock %}"""
router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)


@router.get("/problem-count")
def show_problem_count(request: Request, access: Researcher, db: Db) -> Response:
    count = db.query(Problem).filter_by(project_id=access.project.id).count()
    return render(request, "counts/problems.html", count=count)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "PAGES", (*main.PAGES, SimpleNamespace(router=router)))
    loader = core_web.templates.loader
    assert loader is not None
    monkeypatch.setattr(
        core_web.templates, "loader", ChoiceLoader([DictLoader({"counts/problems.html": TEMPLATE}), loader])
    )


def test_a_new_page(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    for number in range(3):
        factories.problem(db, project, f"{number} + 1?")
    path = f"/projects/{project.slug}/problem-count"
    assert web.get(path).headers["location"].startswith("/login")
    factories.sign_in(web, db, factories.member(db, project, "labeler"))
    assert web.get(path).status_code == 403
    factories.sign_in(web, db, factories.user(db))
    assert web.get(path).status_code == 404, "to a stranger the project does not exist"
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    page = web.get(path)
    assert page.status_code == 200
    assert '<p id="count">3</p>' in page.text
    assert f'href="/projects/{project.slug}/runs"' in page.text, "the navigation of the project"
    assert page.headers["content-security-policy"] == POLICY
