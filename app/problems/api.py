"""The JSON API of problems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.problems import reference_corrections
from app.problems.views import get_problem
from app.projects.access import ProjectAdmin

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["problems"])
Answer = Annotated[str, Body(embed=True, max_length=10_000, description="The right answer, as TeX or text.")]


@router.put("/problems/{problem_id}/reference")
def correct_reference(access: ProjectAdmin, db: Db, problem_id: int, answer: Answer) -> dict[str, Any]:
    """Put a wrong reference answer right. The problem's solutions are graded anew by the worker; labels
    stay as they are."""
    problem = get_problem(db, access, problem_id)
    changed = reference_corrections.correct_reference_answer(db, problem, answer, access.user)
    return {"id": problem.id, "reference_answer": problem.reference_answer, "changed": changed}
