"""The JSON API of problems."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from app.common.config import Config
from app.core.api import Answer
from app.core.db import Db
from app.problems import reference_corrections
from app.problems.views import get_problem
from app.projects.access import ProjectAdmin

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["problems"])


class ReferenceRequest(Config):
    """A reference answer."""

    answer: Annotated[str, Field(max_length=10_000)]
    """The right answer, as TeX or text."""


class ReferenceOut(Answer):
    """A problem's reference answer."""

    id: int
    """ID of the problem."""
    reference_answer: str | None
    """Its reference answer."""
    changed: bool
    """False if the answer was the same before."""


@router.put("/problems/{problem_id}/reference", summary="Correct a wrong reference answer")
def correct_reference(access: ProjectAdmin, db: Db, problem_id: int, body: ReferenceRequest) -> ReferenceOut:
    """The worker grades the problem's solutions again. Labels stay as they are."""
    problem = get_problem(db, access, problem_id)
    changed = reference_corrections.correct_reference_answer(db, problem, body.answer, access.user)
    return ReferenceOut(id=problem.id, reference_answer=problem.reference_answer, changed=changed)
