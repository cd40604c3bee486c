"""The JSON API of accounts: who am I, and what is there to call."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.accounts.access import SignedIn

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class Me(BaseModel):
    email: str | None
    name: str
    is_admin: bool


@router.get("/me", summary="Who this token or cookie belongs to")
def me(user: SignedIn) -> Me:
    return Me(email=user.email, name=user.name, is_admin=user.is_admin)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, user: SignedIn) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described
