"""Text nobody types by accident: kept and shown as it is, or refused; never run, never a 500."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.factories import base as factories

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea><b>bold</b>",
    "{{7*7}}${7*7}{% raise %}",
    "'; DROP TABLE user_account;--",
    "&lt;b&gt;",
    "\u202eright to left",
    "\U0001d518\U0001f600 \u00e9",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_comes_back_as_it_went_in(web: TestClient, db: Session, text: str) -> None:
    user = factories.user(db, is_admin=True)
    factories.sign_in(web, db, user)
    home = web.post("/projects", data={"name": text}).headers["location"]
    settings = {
        "name": text, "mode": "first_error",
        "reference_visibility": "shown", "overlap": "1", "lease_minutes": "30",
    }  # fmt: skip
    assert web.post(f"{home}/settings", data=settings).status_code == 303
    assert web.post(f"{home}/instructions", data={"text": text, "base": "1"}).status_code == 303
    assert web.post("/account/name", data={"name": text}).status_code == 303
    assert web.post("/account/tokens", data={"name": text}).status_code == 200
    assert web.post("/session", data={"email": text, "password": text}).status_code == 401
    assert web.post(f"{home}/invitations", data={"email": text}).status_code == 422
    db.refresh(user)
    assert user.name == text
    response = quote(text, safe="")
    pages = ("settings", "instructions/draft", "members", "desk", "dashboard")
    holding = ("/projects", home, *(f"{home}/{page}" for page in pages), "/account", "/audit", "/users",
               f"/users?q={response}")  # fmt: skip
    for path in holding:
        page = web.get(path)
        assert page.status_code == 200, path
        shown = page.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
        assert escape(text) in shown, path
        written_as_markdown = path.endswith("/desk") and "<" not in text  # quotes and entities may stand
        if escape(text) != text and not written_as_markdown:
            assert text not in page.text, path


@pytest.mark.parametrize("raw", [b"a%00b", b"%ED%A0%80", b"%FF%FE"])
@pytest.mark.parametrize(
    "form", ["/projects name", "/account/name name", "/account/tokens name", "/session email"]
)
def test_bytes_that_are_no_text(web: TestClient, db: Session, form: str, raw: bytes) -> None:
    """A NUL is refused; bytes that are not UTF-8 arrive as U+FFFD, which can be stored."""
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    path, field = form.split()
    sent = field.encode() + b"=" + raw + b"&password=x"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    status = web.post(path, content=sent, headers=kind).status_code
    assert status == 422 if b"%00" in raw else status in (200, 303, 401)


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"a\\u0000b"', b'"\xff"', b'{"a":'])
def test_json_that_cannot_be_stored(web: TestClient, db: Session, value: bytes) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    kind = {"Content-Type": "application/json"}
    response = web.post("/api/v1/projects", content=b'{"name":' + value + b"}", headers=kind)
    assert response.status_code in (400, 422)
    assert set(response.json()) == {"error", "message", "remedy"}


def test_addresses_that_are_no_address(web: TestClient, db: Session) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    factories.project(db, "Mine")
    for path in (
        "/users?q=%00", "/users?after=%00", "/audit?action=%00", "/audit?before=99999999999999999999",
        "/audit?before=x", "/projects/%00", "/projects/%ED%A0%80", "/invitations/%00",
        "/projects/mine/problems/99999999999999999999", "/projects/mine/problems/x",
    ):  # fmt: skip
        assert web.get(path).status_code in (404, 422), path
