"""One's own account, tokens, the users of a server, the trail."""

from __future__ import annotations

import datetime as dt
import re

from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit, sessions, tokens, users
from app.accounts.models import AuditEvent, LoginAttempt, UserSession
from tests.factories import base as factories
from tests.markup import collapse

NOW = dt.datetime.now(dt.UTC)
PASSWORD = "correct horse battery"


def test_a_password_change_signs_the_others_out(web: TestClient, db: Session) -> None:
    ada = users.create_user(db, "ada@example.org", password=PASSWORD)
    elsewhere = sessions.create_session(db, ada, now=NOW)
    factories.sign_in(web, db, ada)
    wrong = web.post("/account/password", data={"old": "guess", "new": "another good one"})
    assert wrong.status_code == 403
    assert "Incorrect password" in wrong.text
    assert db.scalar(select(func.count()).where(LoginAttempt.succeeded.is_(False))) == 1, "counted"
    assert web.post("/account/password", data={"old": PASSWORD, "new": "short"}).status_code == 422
    assert sessions.find_session(db, elsewhere, now=NOW) is not None
    right = web.post("/account/password", data={"old": PASSWORD, "new": "another good one"})
    assert right.headers["location"] == "/account"
    assert sessions.find_session(db, elsewhere, now=NOW) is None
    assert web.get("/account").status_code == 200, "this browser stays signed in"


def test_a_password_change_revokes_tokens_unless_told_otherwise(web: TestClient, db: Session) -> None:
    ada = users.create_user(db, "ada@example.org", password=PASSWORD)
    _, token = tokens.create_token(db, ada, "nightly", None, NOW)
    bearer = {"Authorization": f"Bearer {token}"}
    factories.sign_in(web, db, ada)
    assert 'name="revoke_tokens" value="true" checked' in collapse(web.get("/account").text)
    web.post("/account/password", data={"old": PASSWORD, "new": "another good one"})
    assert web.get("/api/v1/projects", headers=bearer).status_code == 200
    form = {"old": "another good one", "new": PASSWORD, "revoke_tokens": "true"}
    assert web.post("/account/password", data=form).status_code == 303
    assert web.get("/api/v1/projects", headers=bearer).status_code == 401


def test_tokens_end_with_the_account_and_with_a_password_set_for_it(web: TestClient, db: Session) -> None:
    admin, ada = factories.user(db, is_admin=True), users.create_user(db, "ada@example.org")
    for end in (
        lambda: users.set_password(db, ada, "a password of the admin"),
        lambda: (users.disable_user(db, ada, admin, NOW), users.enable_user(db, ada, admin)),
    ):
        _, token = tokens.create_token(db, ada, "nightly", None, NOW)
        bearer = {"Authorization": f"Bearer {token}"}
        assert web.get("/api/v1/projects", headers=bearer).status_code == 200
        end()
        assert web.get("/api/v1/projects", headers=bearer).status_code == 401


def test_a_token_creates_no_token(web: TestClient, db: Session) -> None:
    ada = users.create_user(db, "ada@example.org")
    _, token = tokens.create_token(db, ada, "one day", 1, NOW)
    bearer = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = web.post("/account/tokens", data={"name": "for ever", "days": "0"}, headers=bearer)
    assert answer.status_code == 403
    assert [row.name for row in tokens.list_tokens(db, ada)] == ["one day"]


def test_sessions_are_listed_and_ended(web: TestClient, db: Session) -> None:
    ada, eve = factories.user(db), factories.user(db)
    other = sessions.create_session(db, ada, now=NOW, agent="Lynx <b>1</b>")
    factories.sign_in(web, db, ada)
    assert "Lynx &lt;b&gt;1&lt;/b&gt;" in web.get("/account").text
    row = db.scalars(select(UserSession).where(UserSession.token_hash == sessions.hash_token(other))).one()
    factories.sign_in(web, db, eve)
    web.post(f"/account/sessions/{row.id}/end")
    assert sessions.find_session(db, other, now=NOW) is not None, "someone else's is not hers to end"
    factories.sign_in(web, db, ada)
    web.post(f"/account/sessions/{row.id}/end")
    assert sessions.find_session(db, other, now=NOW) is None


def test_tokens(web: TestClient, db: Session) -> None:
    ada = users.create_user(db, "ada@example.org")
    factories.sign_in(web, db, ada)
    page = web.post("/account/tokens", data={"name": "nightly", "days": "30"})
    token = re.search(r"stepmark_[\w-]{43}", page.text)
    assert token
    assert 'aria-label="API token" data-copied' in page.text
    assert "<code>Authorization: Bearer …</code>" in page.text
    bearer = {"Authorization": f"Bearer {token[0]}"}
    assert token[0] not in web.get("/account").text, "shown once"
    web.cookies.clear()
    assert web.get("/api/v1/me").status_code == 401
    assert web.get("/api/v1/me", headers=bearer).json()["email"] == "ada@example.org"
    assert web.get("/api/v1/openapi.json", headers=bearer).json()["info"]["title"] == "Stepmark"
    api_token = tokens.list_tokens(db, ada)[0]
    assert api_token.last_used_at is not None
    eve = factories.user(db)
    factories.sign_in(web, db, eve)
    assert web.post(f"/account/tokens/{api_token.id}/revocation").status_code == 404
    factories.sign_in(web, db, ada)
    assert web.post(f"/account/tokens/{api_token.id}/revocation").status_code == 303
    assert web.get("/api/v1/me", headers=bearer).status_code == 401
    old, text = tokens.create_token(db, ada, "old", 1, NOW - dt.timedelta(days=2))
    assert web.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    fresh = {"Authorization": f"Bearer {tokens.create_token(db, ada, 'fresh', None, NOW)[1]}"}
    assert web.get("/api/v1/me", headers=fresh).status_code == 200
    users.disable_user(db, ada, None, NOW)
    assert web.get("/api/v1/me", headers=fresh).status_code == 401
    assert old.expires_at is not None


def test_projects_over_the_api(web: TestClient, db: Session) -> None:
    boss, ada = factories.user(db, is_admin=True), factories.user(db)
    as_boss = {"Authorization": f"Bearer {tokens.create_token(db, boss, 'x', None, NOW)[1]}"}
    as_ada = {"Authorization": f"Bearer {tokens.create_token(db, ada, 'x', None, NOW)[1]}"}
    assert web.post("/api/v1/projects", json={"name": "Algebra"}, headers=as_ada).status_code == 403
    token = web.post("/api/v1/projects", json={"name": "Algebra"}, headers=as_boss)
    assert (token.status_code, token.json()["slug"], token.json()["role"]) == (201, "algebra", "admin")
    assert web.post("/api/v1/projects", json={"name": "Algebra"}, headers=as_boss).status_code == 409
    wrong = web.post("/api/v1/projects", json={"name": "A", "mode": "guess"}, headers=as_boss)
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid")
    surrogate = web.post("/api/v1/projects", content=b'{"name": "\\ud800"}', headers=as_boss)
    assert surrogate.status_code == 422
    assert web.get("/api/v1/projects", headers=as_ada).json() == {"projects": []}
    assert web.get("/api/v1/projects/algebra", headers=as_ada).status_code == 404
    assert [row["slug"] for row in web.get("/api/v1/projects", headers=as_boss).json()["projects"]] == [
        "algebra"
    ]


def test_users(web: TestClient, db: Session) -> None:
    boss = users.create_user(db, "boss@example.org", is_admin=True)
    ada = users.create_user(db, "ada_1@example.org", name="Ada <script>alert(1)</script>")
    users.create_user(db, "adax1@example.org")
    token = sessions.create_session(db, ada, now=NOW)
    factories.sign_in(web, db, boss)
    page = web.get("/users?q=ADA_").text
    assert "ada_1@example.org" in page
    assert "adax1@example.org" not in page, "an underscore is an underscore"
    assert "<script>alert(1)" not in page
    assert web.post(f"/users/{boss.id}/disabling").status_code == 409
    assert web.post(f"/users/{ada.id}/disabling").status_code == 303
    assert sessions.find_session(db, token, now=NOW) is None
    assert ada.disabled_at is not None
    assert web.post(f"/users/{ada.id}/enabling").status_code == 303
    assert web.post(f"/users/{ada.id}/admin", data={"is_admin": "true"}).status_code == 303
    assert ada.is_admin
    assert web.post("/users/999999/disabling").status_code == 404
    actions = db.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["user.disable", "user.enable", "user.admin"]


def test_the_trail_is_paged(web: TestClient, db: Session) -> None:
    boss = factories.user(db, is_admin=True)
    for number in range(audit.PAGE + 5):
        audit.record_event(db, boss, "test.thing", f"thing {number} <i>", {"overlap": [1, 2]})
    factories.sign_in(web, db, boss)
    page = collapse(web.get("/audit?action=test.").text)
    assert "thing 104 &lt;i&gt;" in page
    assert "overlap: 1 → 2" in page
    assert "thing 4 " not in page
    older = re.search(r'href="(/audit\?action=test\.&amp;before=\d+)"', page)
    assert older
    assert "thing 4 " in web.get(older[1].replace("&amp;", "&")).text
