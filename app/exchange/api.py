"""The JSON API of exchange."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["exchange"])
