"""Signing in: the cookie, the throttle before the hash, the same cost for everyone."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import passwords, sessions, sign_in, users
from app.accounts.models import LoginAttempt, UserSession
from tests.factories import base as factories

PASSWORD = "correct horse battery"
NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)


def post_sign_in(web: TestClient, email: str, password: str = PASSWORD, **more: str) -> int:
    return web.post("/session", data={"email": email, "password": password, **more}).status_code


def test_in_and_out(web: TestClient, db: Session) -> None:
    users.create_user(db, "Ada@Example.org", password=PASSWORD)
    answer = web.post("/session", data={"email": "ada@example.org", "password": PASSWORD, "next": "/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = web.cookies["stepmark"]
    assert db.scalar(select(UserSession.token_hash)) == sessions.hash_token(token)
    assert web.get("/login").status_code == 303
    web.post("/session/end")
    assert db.scalar(select(func.count()).select_from(UserSession)) == 0
    assert web.get("/login").status_code == 200


def test_a_login_makes_a_new_session(web: TestClient, db: Session) -> None:
    who = users.create_user(db, "ada@example.org", password=PASSWORD)
    factories.sign_in(web, db, who)
    before = web.cookies["stepmark"]
    post_sign_in(web, "ada@example.org")
    assert db.scalar(select(UserSession).where(UserSession.token_hash == sessions.hash_token(before))) is None
    assert db.scalar(select(func.count()).select_from(UserSession)) == 1


@pytest.mark.parametrize(
    "next", ["https://evil.example", "//evil.example", "/\\evil", "javascript:alert(1)", "/a\nb"]
)
def test_next_stays_here(web: TestClient, db: Session, next: str) -> None:
    users.create_user(db, "ada@example.org", password=PASSWORD)
    answer = web.post("/session", data={"email": "ada@example.org", "password": PASSWORD, "next": next})
    assert answer.headers["location"] == "/"


def test_wrong_and_unknown_look_the_same(web: TestClient, db: Session) -> None:
    users.create_user(db, "ada@example.org", password=PASSWORD)
    wrong = web.post("/session", data={"email": "ada@example.org", "password": "x"})
    unknown = web.post("/session", data={"email": "bob@example.org", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("ada@", "bob@") == unknown.text


def test_unknown_users_are_hashed_too(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    users.create_user(db, "ada@example.org", password=PASSWORD)
    verified = []
    real = passwords._hasher.verify
    monkeypatch.setattr(
        type(passwords._hasher),
        "verify",
        lambda self, stored, password: verified.append(password) or real(stored, password),
    )
    for email in ("ada@example.org", "bob@example.org"):
        assert sign_in.check_credentials(db, email, "no", "10.0.0.1", NOW) is None
    assert len(verified) == 2


def test_the_throttle_comes_before_the_hash_and_lets_go(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = users.create_user(db, "ada@example.org", password=PASSWORD)
    monkeypatch.setattr(
        sign_in, "verify_password", lambda stored, password: password == PASSWORD and stored is not None
    )
    for _ in range(sign_in.PER_ACCOUNT):
        assert sign_in.check_credentials(db, "ada@example.org", "no", "10.0.0.1", NOW) is None
    paused = sign_in.check_credentials(db, "ada@example.org", PASSWORD, "10.0.0.1", NOW)
    assert isinstance(paused, dt.timedelta)
    assert paused <= sign_in.WINDOW
    assert sign_in.check_credentials(db, "ada@example.org", PASSWORD, "10.9.9.9", NOW) == ada, (
        "her own address is not locked"
    )
    assert sign_in.check_credentials(db, "ada@example.org", PASSWORD, "10.0.0.1", NOW + sign_in.WINDOW) == ada


def test_one_address_cannot_try_everyone(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "verify_password", lambda stored, password: False)
    for number in range(sign_in.PER_ADDRESS):
        sign_in.check_credentials(db, f"p{number}@example.org", "no", "10.0.0.1", NOW)
    assert isinstance(sign_in.check_credentials(db, "new@example.org", "no", "10.0.0.1", NOW), dt.timedelta)
    assert sign_in.check_credentials(db, "new@example.org", "no", "10.0.0.2", NOW) is None
    assert db.scalar(select(func.count()).select_from(LoginAttempt)) == sign_in.PER_ADDRESS + 1


def test_sessions_end(db: Session) -> None:
    ada = users.create_user(db, "ada@example.org", password=PASSWORD)
    boss = factories.user(db, is_admin=True)
    token = sessions.create_session(db, ada, now=NOW)
    assert sessions.find_session(db, token, now=NOW + dt.timedelta(hours=11)) is not None
    idle = sessions.create_session(db, ada, now=NOW)
    assert sessions.find_session(db, idle, now=NOW + sessions.IDLE) is None
    busy, moment = sessions.create_session(db, ada, now=NOW), NOW
    while moment < NOW + sessions.ABSOLUTE - dt.timedelta(hours=6):
        moment += dt.timedelta(hours=6)
        assert sessions.find_session(db, busy, now=moment) is not None
    assert sessions.find_session(db, busy, now=NOW + sessions.ABSOLUTE) is None
    for end in (
        lambda: users.disable_user(db, ada, boss, NOW),
        lambda: users.set_password(db, ada, "another good one"),
        lambda: users.set_site_admin(db, ada, True, boss),
    ):
        token = sessions.create_session(db, ada, now=NOW)
        end()
        assert sessions.find_session(db, token, now=NOW) is None
        users.enable_user(db, ada, boss)


def test_the_first_admin_is_made_once(db: Session) -> None:
    credentials = users.ensure_first_admin(db)
    assert credentials is not None
    assert sign_in.check_credentials(db, *credentials, "10.0.0.1", NOW).is_admin  # type: ignore[union-attr]
    assert users.ensure_first_admin(db) is None
