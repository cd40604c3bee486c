"""Pages of selection."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
