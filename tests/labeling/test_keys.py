"""A labeler's own keys: which may be, and that they stay."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling import shortcuts
from app.labeling.shortcut_views import ShortcutsForm
from tests.factories import base as factories


@pytest.mark.parametrize(
    ("keys", "about"),
    [
        ({"negative": "x", "neutral": "X"}, "same key"),
        ({"negative": "f"}, "same key"),
        ({"undo": "/"}, "searches"),
        ({"undo": " "}, "scrolls"),
        ({"undo": "F5"}, "not a single key"),
        ({"undo": "Tab"}, "not a single key"),
        ({"undo": "\t"}, "not a single key"),
        ({"undo": "Enter", "submit": "x"}, "focused button"),
    ],
)
def test_keys_that_cannot_be(keys: dict[str, str], about: str) -> None:
    with pytest.raises(Invalid, match=about):
        shortcuts.validate_shortcuts(
            shortcuts.DEFAULT_KEYS
            | {action: key if key == "Enter" else key.lower() for action, key in keys.items()}
        )


def test_own_keys_are_kept_and_taken_back(web: TestClient, db: Session) -> None:
    assert set(ShortcutsForm.model_fields) == set(shortcuts.ACTIONS)
    user = factories.user(db)
    factories.sign_in(web, db, user)
    assert web.post("/account/keys", data={"negative": "f", "flag": "1"}).status_code == 303  # changed places
    db.refresh(user)
    assert user.preferences == {"keys": {"negative": "f", "flag": "1"}}
    answer = web.post("/account/keys", data={"negative": "u"})
    assert answer.status_code == 422
    assert "have the same key: u" in answer.text
    db.refresh(user)
    assert shortcuts.get_shortcuts(user)["negative"] == "f"
    assert web.post("/account/keys/reset").status_code == 303
    db.refresh(user)
    assert shortcuts.get_shortcuts(user) == shortcuts.DEFAULT_KEYS
