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
Typed = Annotated[str, Field(max_length=20)]


class KeysForm(BaseModel):
    """One field for each of keys.ACTIONS; an empty one takes the usual key."""

    bad: Typed = ""
    okay: Typed = ""
    great: Typed = ""
    flag: Typed = ""
    down: Typed = ""
    up: Typed = ""
    choose: Typed = ""
    undo: Typed = ""
    submit: Typed = ""
    note: Typed = ""
    bad_problem: Typed = ""
    give_up: Typed = ""
    instructions: Typed = ""
    source: Typed = ""
    help: Typed = ""


@router.get("")
def keys_page(request: Request, user: SignedIn) -> Response:
    return render(
        request, "labeling/keys.html", actions=shortcuts.ACTIONS, keys=shortcuts.of(user), wrong=None
    )


@router.post("")
def keep(request: Request, user: SignedIn, sent: Annotated[KeysForm, Form()]) -> Response:
    wanted = sent.model_dump()
    try:
        shortcuts.keep(user, wanted)
    except DomainError as wrong:
        typed = {"actions": shortcuts.ACTIONS, "keys": wanted, "wrong": wrong}
        return render(request, "labeling/keys.html", wrong.status, **typed)
    return redirect("/account/keys", "Your keys are saved. An open desk takes them when it is reloaded.")


@router.post("/reset")
def reset(user: SignedIn) -> Response:
    shortcuts.keep(user, {})
    return redirect("/account/keys", "The usual keys are back.")
