"""What every answer carries, and what is refused before any route is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.core.security import BODY_LIMIT, POLICY
from app.settings import settings
from tests.conftest import forget
from tests.factories import base as factories

HOST = "testserver"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        (
            {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
            True,
        ),  # browsers cannot lie here
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"}, False),
        ({"Origin": f"http://{HOST}"}, True),
        ({"Origin": f"https://{HOST}"}, True),
        ({"Origin": f"http://{HOST}:81"}, False),
        ({"Origin": f"http://{HOST}.evil.example"}, False),
        ({"Origin": f"http://evil.example/{HOST}"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({}, False),
        ({"Authorization": "Bearer nothing"}, True),
    ],
)
def test_unsafe_requests_come_from_our_pages(web: TestClient, headers: dict[str, str], passes: bool) -> None:
    del web.headers["Sec-Fetch-Site"]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = web.request(method, "/session/end", headers=headers)
        assert (answer.status_code != 403) is passes, method
    assert web.get("/login", headers=headers).status_code == 200, "reading is free"


def test_a_token_never_rides_on_a_cookie(web: TestClient, db: Session) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    assert web.get("/projects").status_code == 200
    refused = web.post("/projects", data={"name": "Evil"}, headers={"Authorization": "Bearer x"})
    assert refused.status_code == 303
    assert refused.headers["location"].startswith("/login"), "with that header the cookie is not looked at"


def test_every_answer_is_dressed(web: TestClient, db: Session) -> None:
    factories.sign_in(web, db, factories.user(db))
    for method, path, status in (
        ("GET", "/projects", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/login", 405),
        ("GET", "/static/app.css", 200),
        ("GET", "/healthz", 200),
        ("POST", "/session", 422),
    ):
        answer = web.request(method, path)
        assert answer.status_code == status, path
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert len(answer.headers["x-request-id"]) == 16
        assert answer.headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
        assert "strict-transport-security" not in answer.headers
    assert "script-src 'self';" in POLICY
    assert "style-src 'self';" in POLICY


def test_over_tls(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPMARK_SECURE_COOKIES", "true")
    settings.cache_clear()
    assert web.get("/login").headers["strict-transport-security"].startswith("max-age=")
    gone = web.post("/session/end").headers["set-cookie"]
    assert "__Host-stepmark=" in gone
    assert "Secure" in gone
    settings.cache_clear()


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("localhost:8000", True),
        ("stepmark.localhost", True),
        ("127.0.0.1:8000", True),
        ("10.1.2.3", True),
        ("[::1]:8000", True),
        ("web", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8000", False),
        ("labels.example.org", False),
    ],
)
def test_a_name_that_was_not_configured_is_refused(web: TestClient, host: str, passes: bool) -> None:
    answer = web.get("/login", headers={"Host": host})
    assert answer.status_code == (200 if passes else 421)
    if not passes:
        assert host.split(":")[0] in answer.text
        assert "STEPMARK_URL" in answer.text


def test_the_public_address_is_configured(
    web: TestClient, db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPMARK_URL", "https://labels.example.org")
    monkeypatch.setenv("STEPMARK_ALLOWED_HOSTS", "old.example.org, internal.example.org")
    settings.cache_clear()
    for host in ("labels.example.org", "LABELS.example.org:443", "internal.example.org"):
        assert web.get("/login", headers={"Host": host}).status_code == 200
    assert web.get("/login", headers={"Host": "evil.example"}).status_code == 421
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    page = web.post(f"/projects/{project.slug}/invitations", data={"email": "eve@example.org"})
    assert "https://labels.example.org/invitations/" in page.text, "never the name of the request"
    settings.cache_clear()


def test_head_is_answered_as_get_without_its_body(web: TestClient) -> None:
    full, head = web.get("/login"), web.head("/login")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == full.headers["content-type"]
    assert web.head("/nowhere").status_code == 404


def test_errors_are_pages_or_json(web: TestClient, db: Session) -> None:
    page = web.get("/nowhere")
    assert page.headers["content-type"].startswith("text/html")
    assert "Page not found." in page.text
    for path, headers in (("/api/v1/nowhere", {}), ("/nowhere", {"Accept": "application/json"})):
        answer = web.get(path, headers=headers).json()
        assert answer["error"] == "not_found"
        assert set(answer) == {"error", "message", "remedy"}
    part = web.get("/projects", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login")
    back = web.get("/projects?a=1&b=2").headers["location"]
    assert back == "/login?next=%2Fprojects%3Fa%3D1%26b%3D2"


def test_large_bodies_are_refused(web: TestClient) -> None:
    too_large = web.post("/session", content=b"x" * (BODY_LIMIT + 1))
    assert too_large.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT // 2**20 + 1):
            yield b"x" * 2**20

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/session", content=pieces(), headers=form).status_code == 413


@pytest.mark.parametrize("name", ["a\0b", "\x00"])
def test_what_postgres_cannot_store_is_refused(web: TestClient, db: Session, name: str) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    assert web.post("/projects", data={"name": name}).status_code == 422
    assert web.get(f"/projects/{'%00'}").status_code in (404, 422)


def served(app_routes: dict[str, Any]) -> TestClient:
    from app.main import create_app

    app = create_app()
    for path, function in app_routes.items():
        app.get(path)(function)
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def test_what_nobody_caught_has_a_number(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise RuntimeError("secret inside")

    with served({"/fails": fails, "/api/v1/fails": fails}) as web:
        page, answer = web.get("/fails"), web.get("/api/v1/fails")
    assert page.status_code == answer.status_code == 500
    assert page.headers["content-security-policy"] == POLICY
    assert "secret inside" not in page.text + answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert page.headers["x-request-id"] in page.text
    assert page.headers["x-request-id"] in caplog.text
    assert "secret inside" in caplog.text


def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget()
    with served({}) as web:
        web.cookies.set("stepmark", "something")
        answer = web.get("/projects")
    forget()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Your saved work is safe" in answer.text


def test_a_commit_that_fails_is_no_success(database: str) -> None:
    """Two projects at once: the second's unique index breaks at flush, or, deferred, at commit."""
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE TABLE note (value int UNIQUE DEFERRABLE INITIALLY DEFERRED, n int)")
        admin.execute(
            "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO note VALUES (1), (1); RETURN NULL; END $$"
        )
        admin.execute("CREATE TRIGGER twice AFTER INSERT ON project FOR EACH ROW EXECUTE FUNCTION twice()")
        with served({}) as web:
            from app.core.db import transaction

            with transaction() as db:
                factories.sign_in(web, db, factories.user(db, is_admin=True))
            answer = web.post("/projects", data={"name": "One"}, headers={"Sec-Fetch-Site": "same-origin"})
            missing = web.get("/projects/none")
        assert answer.status_code == 409
        assert (missing.status_code, "Sign out" in missing.text) == (404, True), (
            "rolled back, still signed in"
        )
        assert admin.execute("SELECT count(*) FROM project").fetchone() == (0,)
