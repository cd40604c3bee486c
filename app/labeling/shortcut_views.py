"""The page where a labeler sets the desk's shortcuts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.accounts.access import SignedIn
from app.core.errors import DomainError
from app.core.web import redirect, render
from app.labeling import shortcuts

router = APIRouter(prefix="/account/keys", include_in_schema=False)
KeyField = Annotated[str, Field(max_length=20)]


class ShortcutsForm(BaseModel):
    """One field for each of shortcuts.ACTIONS. An empty field restores the default."""

    negative: KeyField = ""
    neutral: KeyField = ""
    positive: KeyField = ""
    flag: KeyField = ""
    down: KeyField = ""
    up: KeyField = ""
    choose: KeyField = ""
    undo: KeyField = ""
    submit: KeyField = ""
    note: KeyField = ""
    bad_problem: KeyField = ""
    give_up: KeyField = ""
    instructions: KeyField = ""
    source: KeyField = ""
    help: KeyField = ""


@router.get("")
def shortcuts_page(request: Request, user: SignedIn) -> Response:
    keys = shortcuts.get_shortcuts(user)
    return render(request, "labeling/shortcuts.html", actions=shortcuts.ACTIONS, keys=keys, error=None)


@router.post("")
def save_shortcuts(request: Request, user: SignedIn, form: Annotated[ShortcutsForm, Form()]) -> Response:
    keys = form.model_dump()
    try:
        shortcuts.save_shortcuts(user, keys)
    except DomainError as error:
        context = {"actions": shortcuts.ACTIONS, "keys": keys, "error": error}
        return render(request, "labeling/shortcuts.html", error.status, **context)
    return redirect("/account/keys", "Shortcuts saved. Reload an open desk to use them.")


@router.post("/reset")
def reset_shortcuts(user: SignedIn) -> Response:
    shortcuts.save_shortcuts(user, {})
    return redirect("/account/keys", "Default shortcuts restored.")
