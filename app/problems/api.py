"""The JSON API of problems."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.common.config import Config
from app.core.api import Answer
from app.core.db import Db
from app.problems import grading_runs, reference_corrections
from app.problems.decontamination import (
    DEFAULT_WORDS,
    LEAST_WORDS,
    MOST_WORDS,
    OverlapReport,
    report_overlap,
)
from app.problems.views import get_problem
from app.projects.access import ProjectAdmin, Researcher

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["problems"])
PassageLength = Annotated[int, Query(ge=LEAST_WORDS, le=MOST_WORDS, description="Words of a shared passage.")]


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


class OverlapPairOut(Answer):
    """A problem and a test problem that share a passage."""

    problem_id: int
    """Identifier of the problem."""
    external_id: str
    """Its identifier in the imported file."""
    split: str
    """Its split: train or validation."""
    test_problem_id: int
    """Identifier of the test problem."""
    test_external_id: str
    """The identifier of the test problem in the imported file."""
    share: float
    """The share of the passages of the problem that the test problem has too."""
    passage: str
    """The first shared passage."""


class OverlapOut(Answer):
    """Problems of train and validation that share passages with test problems."""

    passage_length: int
    """Words of a shared passage."""
    problems: int
    """Compared problems of train and validation."""
    test_problems: int
    """Test problems that they are compared with."""
    pair_count: int
    """All pairs, also those beyond the listed ones."""
    pairs: list[OverlapPairOut]
    """At most 1,000, the largest shares first."""


@router.get("/problem-overlap", summary="Compare problems with test problems")
def get_problem_overlap(
    access: Researcher, db: Db, passage_length: PassageLength = DEFAULT_WORDS
) -> OverlapOut:
    """Problems of train and validation that share passages of `passage_length` words with test problems."""
    return overlap_to_json(report_overlap(db, access.project.id, passage_length))


def overlap_to_json(report: OverlapReport) -> OverlapOut:
    pairs = [
        OverlapPairOut(
            problem_id=pair.problem.id,
            external_id=pair.problem.external_id,
            split=pair.problem.split,
            test_problem_id=pair.test_problem.id,
            test_external_id=pair.test_problem.external_id,
            share=round(pair.share, 4),
            passage=pair.passage,
        )
        for pair in report.pairs
    ]
    counts = {
        name: getattr(report, name) for name in ("passage_length", "problems", "test_problems", "pair_count")
    }
    return OverlapOut(**counts, pairs=pairs)


class GradingRequest(Config):
    """Whose verdict counts."""

    verdict_source: Literal["grader", "file"] | None = None
    """Null keeps the source of the project."""


class GradingOut(Answer):
    """A run that grades every solution again."""

    id: int
    """Identifier of the run, as in /runs."""
    state: str
    """State of the run."""
    verdict_source: str
    """Whose verdict counts: `grader` or `file`."""
    grader_version: str
    """Version of the grader that the run uses."""


@router.post("/gradings", status_code=202, summary="Grade every solution again")
def start_grading(access: ProjectAdmin, db: Db, body: GradingRequest) -> GradingOut:
    """The run is listed with the others; its `results` count the verdicts that changed."""
    return GradingOut.model_validate(
        grading_runs.start_grading(db, access.project, access.user, body.verdict_source)
    )
