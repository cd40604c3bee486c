"""The JSON API of the pool."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.db import Db
from app.explorer import pool_query, solution_query
from app.explorer.histogram import BINS, load_histogram
from app.explorer.parameters import CursorQuery, FilterQuery
from app.explorer.pool_query import PageCursor
from app.labeling import label_exposure
from app.problems import queries
from app.projects.access import Researcher
from app.scoring.heat_strips import HeatStrip

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["pool"])


class PoolSolutionOut(BaseModel):
    id: int
    external_id: str
    problem_id: int
    generator: str
    final_answer: str | None
    verdict: str | None = Field(description="correct, incorrect or unparseable; null while ungraded.")
    split: str
    subject: str | None
    level: str | None
    score: float | None = Field(description="The solution score by the model; null if not scored.")
    step_correct: list[float] | None = Field(description="p(correct) by step.")
    queued: list[int] = Field(description="Generations it was queued in.")
    labeled: int = Field(description="Submissions.")


class PoolPageOut(BaseModel):
    model_id: int | None = Field(description="The model whose scores order the page.")
    solutions: list[PoolSolutionOut]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null at the end.")
    scanned: int | None = Field(
        description="Set where the page ended early, after scanning this many solutions for matches."
    )


class StepScoreOut(BaseModel):
    position: int
    probs: list[float] = Field(description="p(negative), p(neutral), p(positive).")
    correct: float


class ModelScoreOut(BaseModel):
    model_id: int
    score: float
    aggregate: str
    steps: list[StepScoreOut]


class LabelOut(BaseModel):
    labeler: str
    finish_reason: str | None
    ratings: dict[int, int | None] = Field(description="By 0-based position; null where flagged.")


class VerdictOut(BaseModel):
    source: str = Field(description="`grader`, or `file:` and the format or mapping.")
    verdict: str
    version: str = Field(description="Name and version of the grader.")


class ExternalLabelOut(BaseModel):
    source: str = Field(description="`file:` and the format or mapping.")
    first_error: int | None = Field(description="0-based position; -1 for none, null if unknown.")
    ratings: list[int] | None = Field(description="Of the first steps.")


class SolutionOut(PoolSolutionOut):
    steps: list[str]
    statement: str
    verdicts: list[VerdictOut]
    external_labels: list[ExternalLabelOut]
    scores: list[ModelScoreOut]
    labels: list[LabelOut]


class ScoreHistogramOut(BaseModel):
    model_id: int | None
    edges: list[float]
    verdicts: dict[str, list[int]] = Field(description="Counts of solutions by verdict and bin.")
    filtered: bool = Field(
        description="False where the filters leave too many solutions to count; then it is the whole pool's."
    )
    computing: bool = Field(
        description="True, with empty `verdicts`, until the worker has counted a large pool once."
    )


@router.get("/solutions", response_model=PoolPageOut)
def list_solutions(db: Db, access: Researcher, pool_filter: FilterQuery, cursor: CursorQuery) -> Any:
    """A page of the pool, ordered by a model's scores."""
    models = solution_query.list_scoring_models(db, access.project.id)
    model, pool_filter = solution_query.choose_model(models, pool_filter)
    page = pool_query.load_page(db, access.project.id, pool_filter, PageCursor.parse(cursor))
    return {
        "model_id": pool_filter.model_id,
        "solutions": [to_json(row) for row in solution_query.load_solutions(db, page.ids, model)],
        "next_cursor": str(page.next_cursor) if page.next_cursor else None,
        "scanned": page.scanned,
    }


@router.get("/solutions/{solution_id}", response_model=SolutionOut)
def get_solution(solution_id: int, db: Db, access: Researcher) -> Any:
    """A solution with the scores of every model and its labels."""
    solution, problem = solution_query.get_solution(db, access, solution_id)
    label_exposure.record_page_exposure(db, access.user, solution.id)
    verdicts, external_labels = queries.load_verdicts(db, [solution])
    return {
        **to_json(solution_query.PoolSolution(solution, problem, None, [], 0)),
        "steps": solution.steps,
        "statement": problem.statement,
        "verdicts": [
            {"source": row.source, "verdict": row.verdict, "version": row.version}
            for row in verdicts[solution.id]
        ],
        "external_labels": [
            {"source": label.source, "first_error": label.first_error, "ratings": label.ratings}
            for label in external_labels[solution.id]
        ],
        "scores": [strip_to_json(strip) for strip in solution_query.load_strips(db, solution)],
        "labels": [
            {
                "labeler": submission.labeler,
                "finish_reason": submission.assignment.finish_reason,
                "ratings": submission.ratings,
            }
            for submission in solution_query.list_submissions(db, solution.id)
        ],
    }


@router.get("/score-histogram", response_model=ScoreHistogramOut)
def get_score_histogram(db: Db, access: Researcher, pool_filter: FilterQuery) -> Any:
    """Counts of solutions by verdict in equal bins of the score from 0 to 1."""
    models = solution_query.list_scoring_models(db, access.project.id)
    _, pool_filter = solution_query.choose_model(models, pool_filter)
    histogram = load_histogram(db, access.project.id, pool_filter)
    return {
        "model_id": pool_filter.model_id,
        "edges": [number / BINS for number in range(BINS + 1)],
        "verdicts": histogram.rows if histogram else {},
        "filtered": histogram.filtered if histogram else True,
        "computing": histogram.computing if histogram else False,
    }


def to_json(row: solution_query.PoolSolution) -> dict[str, Any]:
    names = ("id", "external_id", "problem_id", "generator", "final_answer", "verdict")
    return {
        **{name: getattr(row.solution, name) for name in names},
        **{name: getattr(row.problem, name) for name in ("split", "subject", "level")},
        "score": row.strip.score if row.strip else None,
        "step_correct": [cell.correct for cell in row.strip.cells] if row.strip else None,
        "queued": row.queued,
        "labeled": row.labeled,
    }


def strip_to_json(strip: HeatStrip) -> dict[str, Any]:
    return {
        "model_id": strip.model.id,
        "score": strip.score,
        "aggregate": strip.aggregate,
        "steps": [
            {"position": cell.position, "probs": cell.probs, "correct": cell.correct} for cell in strip.cells
        ],
    }
