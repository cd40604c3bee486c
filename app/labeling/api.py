"""The JSON API of labeling."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["labeling"])
