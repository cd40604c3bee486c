"""Pages of labeling."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
