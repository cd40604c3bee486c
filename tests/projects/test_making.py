"""Projects and members: names, slugs, roles, what the trail says."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import sessions, users
from app.accounts.models import AuditEvent
from app.core.errors import Conflict, Invalid, NotFound
from app.projects import joining, members, projects
from tests.factories import base as factories

NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)


def test_slugs(db: Session) -> None:
    projects_with_slugs = [
        projects.create_project(db, name, "first_error", None)
        for name in ("Grade school", "Grade-School", "数学", "Größe!", "?!")
    ]
    assert [project.slug for project in projects_with_slugs] == [
        "grade-school",
        "grade-school-2",
        "shu-xue",
        "grosse",
        "project",
    ]
    with pytest.raises(Conflict):
        projects.create_project(db, " Grade  school ", "first_error", None)
    for name, mode in (("", "first_error"), ("x" * 200, "first_error"), ("fine", "guess")):
        with pytest.raises(Invalid):
            projects.create_project(db, name, mode, None)


def test_a_change_says_from_and_to(db: Session) -> None:
    boss = factories.user(db, is_admin=True)
    project = projects.create_project(db, "Algebra", "first_error", boss)
    assert projects.update_project(db, project, boss, overlap=3, name="Algebra") == {"overlap": [1, 3]}
    event = db.scalars(select(AuditEvent).where(AuditEvent.action == "project.change")).one()
    assert (event.actor_id, event.project_id, event.detail) == (boss.id, project.id, {"overlap": [1, 3]})


def test_a_role_change_ends_sessions_and_joining_does_not(db: Session) -> None:
    boss, ada = factories.user(db), factories.user(db)
    project = projects.create_project(db, "Algebra", "first_error", boss)
    token = sessions.create_session(db, ada, now=NOW)
    members.set_role(db, project, ada, "labeler", boss)
    assert sessions.find_session(db, token, now=NOW) is not None
    members.set_role(db, project, ada, "researcher", boss)
    assert sessions.find_session(db, token, now=NOW) is None
    with pytest.raises(Conflict):
        members.set_role(db, project, boss, "labeler", boss)
    members.remove_member(db, project, ada.id, boss)
    assert [user.id for user, _ in members.list_members(db, project)] == [boss.id]
    with pytest.raises(NotFound):
        members.remove_member(db, project, ada.id, boss)
    actions = db.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["project.create", "member.add", "member.role", "member.remove"]


def test_the_command_line_adds_people(db: Session) -> None:
    project = projects.create_project(db, "Algebra", "first_error", None)
    assert joining.add_user(db, "ada@example.org", "labeler", "Algebra", name="Ada", password="long enough")
    assert not joining.add_user(
        db, "ADA@example.org", "researcher", "algebra", name="", password="other one!"
    )
    assert [(user.name, membership.role) for user, membership in members.list_members(db, project)] == [
        ("Ada", "researcher")
    ]
    assert joining.add_user(db, "root@example.org", "admin", None, name="", password="long enough")
    root = users.get_user_by_email(db, "root@example.org")
    assert root.is_admin
    with pytest.raises(NotFound):
        joining.add_user(db, "eve@example.org", "labeler", "No such", name="", password="long enough")


def test_a_project_is_found_by_name_or_slug(db: Session) -> None:
    with pytest.raises(NotFound) as none_yet:
        projects.get_project_by_name(db, "Ada's")
    assert none_yet.value.remedy == """Create it: stepmark project create 'Ada'"'"'s'"""
    first = projects.create_project(db, "Algebra one", "first_error", None)
    second = projects.create_project(db, "algebra-one", "first_error", None)
    assert projects.get_project_by_name(db, " Algebra one ") == first
    assert projects.get_project_by_name(db, "algebra-one") == second  # a name goes before another's slug
    assert projects.get_project_by_name(db, "algebra-one-2") == second
    for name in "ABCD":
        projects.archive_project(db, projects.create_project(db, name, "first_error", None), None, NOW)
    with pytest.raises(NotFound, match="Unknown project 'Topology'") as unknown:
        projects.get_project_by_name(db, "Topology")
    assert (
        unknown.value.remedy
        == "Projects: algebra-one, Algebra one. Create it: stepmark project create Topology"
    )


def test_where_people_land(web: TestClient, db: Session) -> None:
    first, second = (projects.create_project(db, name, "first_error", None) for name in ("One", "Two"))
    landings = {}
    for role in ("labeler", "researcher", "admin"):
        factories.sign_in(web, db, factories.member(db, first, role))
        assert web.get("/").headers["location"] == "/projects/one"
        answer = web.get("/projects/one")
        landings[role] = answer.headers.get("location", answer.status_code)
        assert web.get("/projects/two").status_code == 404
    assert landings["labeler"] == "/projects/one/desk"
    assert landings["researcher"] == "/projects/one/dashboard"
    both = factories.member(db, first)
    factories.member(db, second, who=both)
    factories.sign_in(web, db, both)
    assert web.get("/").headers["location"] == "/projects"
    web.cookies.clear()
    assert web.get("/").headers["location"].startswith("/login")


def test_only_a_site_admin_makes_projects(web: TestClient, db: Session) -> None:
    factories.sign_in(web, db, factories.user(db))
    assert "No projects yet" in web.get("/projects").text
    assert web.post("/projects", data={"name": "Mine"}).status_code == 403
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    assert web.post("/projects", data={"name": "Mine"}).headers["location"] == "/projects/mine"
    again = web.post("/projects", data={"name": "Mine"})
    assert again.status_code == 409
    assert "already" in again.text
