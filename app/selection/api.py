"""The JSON API of selection."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["selection"])
