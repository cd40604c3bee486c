"""The JSON API of accounts: the account behind a token, and the description of the API."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from app.accounts.access import SignedIn
from app.core.api import Answer

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class Me(Answer):
    """An account."""

    email: str | None
    """Address to sign in with. Null for a labeler who came with imported labels."""
    name: str
    """Display name; may be empty."""
    is_admin: bool
    """Whether the account is a site admin."""


@router.get("/me", summary="Get the account behind this token or cookie")
def get_me(user: SignedIn) -> Me:
    return Me.model_validate(user)


@router.get("/openapi.json", include_in_schema=False)
def get_openapi_document(request: Request, user: SignedIn) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document
