"""An invitation works once, within a week, and until it is taken back."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import users
from app.accounts.models import Invitation
from app.core.errors import NotFound
from app.projects import invitations, members
from app.projects.models import Project
from tests.factories import base as factories

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def project(web: TestClient, db: Session) -> Project:
    project = factories.project(db, "Algebra")
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    return project


def invited(web: TestClient, email: str = "ada@example.org", role: str = "researcher") -> str:
    page = web.post("/projects/algebra/invitations", data={"email": email, "role": role})
    assert page.status_code == 200
    match = re.search(r"http://testserver(/invitations/[\w-]{32})", page.text)
    assert match, page.text
    return match[1]


def test_a_new_person_joins(web: TestClient, db: Session, project: Project) -> None:
    link = invited(web)
    web.cookies.clear()
    assert "ada@example.org is invited as a researcher" in web.get(link).text
    assert web.post(f"{link}/account", data={"name": "Ada", "password": "short"}).status_code == 422
    answer = web.post(f"{link}/account", data={"name": "Ada", "password": "long enough"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/algebra")
    assert members.find_role(db, project, users.get_user_by_email(db, "ada@example.org")) == "researcher"
    assert web.get("/projects/algebra").status_code == 303, "signed in at once"
    web.cookies.clear()
    assert web.get(link).status_code == 404
    assert web.post(f"{link}/account", data={"password": "long enough"}).status_code == 404


def test_someone_with_an_account_joins_with_it(web: TestClient, db: Session, project: Project) -> None:
    ada = users.create_user(db, "ada@example.org", password="long enough")
    link = invited(web)
    web.cookies.clear()
    assert f"/login?next={link}" in web.get(link).text
    stolen = web.post(f"{link}/account", data={"password": "a new password"})
    assert stolen.status_code == 409, "a link is no way to another person's account"
    assert web.post(f"{link}/membership").headers["location"].startswith("/login")
    factories.sign_in(web, db, ada)
    assert web.post(f"{link}/membership").headers["location"] == "/projects/algebra"
    assert members.find_role(db, project, ada) == "researcher"
    assert web.post(f"{link}/membership").status_code == 404, "once"


def test_joining_never_lowers_a_role(web: TestClient, db: Session, project: Project) -> None:
    boss = factories.member(db, project, "admin")
    _, token = invitations.create_invitation(db, project, "x@example.org", "labeler", boss, NOW)
    invitations.accept_invitation(db, token, boss, NOW)
    assert members.find_role(db, project, boss) == "admin"


def test_expired_and_revoked(web: TestClient, db: Session, project: Project) -> None:
    link = invited(web)
    token = link.rpartition("/")[2]
    with pytest.raises(NotFound):
        invitations.get_by_token(db, token, dt.datetime.now(dt.UTC) + invitations.LIFETIME)
    invitation = db.scalars(select(Invitation)).one()
    assert token not in repr(vars(invitation))
    other = factories.project(db, "Geometry")
    factories.member(db, other, "admin", factories.user(db))
    foreign = factories.user(db)
    factories.member(db, other, "admin", foreign)
    boss_cookie = web.cookies["stepmark"]
    factories.sign_in(web, db, foreign)
    assert web.post(f"/projects/geometry/invitations/{invitation.id}/revocation").status_code == 404
    web.cookies.set("stepmark", boss_cookie)
    assert web.post(f"/projects/algebra/invitations/{invitation.id}/revocation").status_code == 303
    assert web.get(link).status_code == 404


def test_members_page(web: TestClient, db: Session, project: Project) -> None:
    ada = factories.member(db, project, "labeler", users.create_user(db, "ada@example.org"))
    assert "ada@example.org" in web.get("/projects/algebra/members").text
    home = f"/projects/algebra/members/{ada.id}"
    assert web.post(f"{home}/role", data={"role": "king"}).status_code == 422
    assert web.post(f"{home}/role", data={"role": "researcher"}).status_code == 303
    assert members.find_role(db, project, ada) == "researcher"
    assert web.post("/projects/algebra/invitations", data={"email": "ada@example.org"}).status_code == 409
    assert web.post("/projects/algebra/invitations", data={"email": "no address"}).status_code == 422
    assert web.post(f"{home}/removal").status_code == 303
    assert members.find_role(db, project, ada) is None


def test_settings(web: TestClient, db: Session, project: Project) -> None:
    good = {
        "name": "Algebra 2", "mode": "first_error", "reopening": "open", "break_reminder_minutes": "0",
        "reference_visibility": "after", "overlap": "2", "lease_minutes": "30",
    }  # fmt: skip
    assert web.post("/projects/algebra/settings", data=good).status_code == 303
    assert (project.name, project.slug, project.overlap) == ("Algebra 2", "algebra", 2)
    page = web.get("/projects/algebra/settings").text
    assert (project.reopening, project.break_reminder_minutes) == ("open", 0)
    assert "Saved." in page
    factories.project(db, "Geometry")
    assert web.post("/projects/algebra/settings", data={**good, "name": "Geometry"}).status_code == 409
    assert web.post("/projects/algebra/settings", data={**good, "overlap": "100"}).status_code == 422
    assert web.post("/projects/algebra/archive").status_code == 303
    assert "Archived" in web.get("/projects/algebra/settings").text
    assert web.post("/projects/algebra/restoration").status_code == 303
    assert project.archived_at is None
