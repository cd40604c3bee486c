"""The page where a labeler sets the desk's keys."""

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
    """One field for each of keys.ACTIONS; an empty one takes the usual key."""

    bad: KeyField = ""
    okay: KeyField = ""
    great: KeyField = ""
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
    return render(
        request,
        "labeling/shortcuts.html",
        actions=shortcuts.ACTIONS,
        keys=shortcuts.get_shortcuts(user),
        wrong=None,
    )


@router.post("")
def save_shortcuts(request: Request, user: SignedIn, sent: Annotated[ShortcutsForm, Form()]) -> Response:
    wanted = sent.model_dump()
    try:
        shortcuts.save_shortcuts(user, wanted)
    except DomainError as wrong:
        typed = {"actions": shortcuts.ACTIONS, "keys": wanted, "wrong": wrong}
        return render(request, "labeling/shortcuts.html", wrong.status, **typed)
    return redirect("/account/keys", "Your keys are saved. An open desk takes them when it is reloaded.")


@router.post("/reset")
def reset_shortcuts(user: SignedIn) -> Response:
    shortcuts.save_shortcuts(user, {})
    return redirect("/account/keys", "The usual keys are back.")
