"""The JSON API of the pool."""

from __future__ import annotations

from fastapi import APIRouter

from app.core.api import Answer
from app.core.db import Db
from app.explorer import pool_query, solution_query
from app.explorer.histogram import BINS, load_histogram
from app.explorer.parameters import CursorQuery, FilterQuery
from app.explorer.pool_query import PageCursor
from app.labeling import label_exposure
from app.problems import queries
from app.problems.step_kinds import name_kinds
from app.projects.access import Researcher
from app.scoring.heat_strips import HeatStrip

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["pool"])


class PoolSolutionOut(Answer):
    """A solution of the pool."""

    id: int
    """ID of the solution."""
    external_id: str
    """Its ID in the imported file."""
    problem_id: int
    """Its problem."""
    generator: str
    """What generated it."""
    final_answer: str | None
    """Its final answer. Null if none was found."""
    verdict: str | None
    """correct, incorrect or unparseable; null while ungraded."""
    split: str
    """Split of its problem: train, validation or test."""
    subject: str | None
    """Subject of its problem."""
    level: str | None
    """Level of its problem."""
    score: float | None
    """The solution score by the model; null if not scored."""
    step_correct: list[float] | None
    """p(correct) by step."""
    queued: list[int]
    """Generations it was queued in."""
    labeled: int
    """Submissions."""


class PoolPageOut(Answer):
    """A page of the pool, ordered by a model's scores."""

    model_id: int | None
    """The model whose scores order the page."""
    solutions: list[PoolSolutionOut]
    """The solutions of the page."""
    next_cursor: str | None
    """The `cursor` of the next page; null at the end."""
    scanned: int | None
    """Set where the page ended early, after scanning this many solutions for matches."""


class StepScoreOut(Answer):
    """A model's probabilities of a step."""

    position: int
    """0-based position of the step."""
    probs: list[float]
    """p(negative), p(neutral), p(positive)."""
    correct: float
    """p(correct), as the scoring defines it."""


class ModelScoreOut(Answer):
    """A model's score of a solution."""

    model_id: int
    """The model."""
    score: float
    """The solution score, 0 to 1."""
    aggregate: str
    """How step probabilities became the score."""
    steps: list[StepScoreOut]
    """The steps that were scored."""


class LabelOut(Answer):
    """A submission."""

    labeler: str
    """Display name of the labeler."""
    finish_reason: str | None
    """found_error, solution, bad_problem or give_up."""
    ratings: dict[int, int | None]
    """By 0-based position; null where flagged."""


class VerdictOut(Answer):
    """A verdict of the final answer."""

    source: str
    """`grader`, or `file:` and the format or mapping."""
    verdict: str
    """correct, incorrect or unparseable."""
    version: str
    """Name and version of the grader."""


class ExternalLabelOut(Answer):
    """Labels of a solution that came with an imported file."""

    source: str
    """`file:` and the format or mapping."""
    first_error: int | None
    """0-based position; -1 for none, null if unknown."""
    ratings: list[int] | None
    """Of the first steps."""


class SolutionOut(PoolSolutionOut):
    """A solution with the scores of every model and its labels."""

    steps: list[str]
    """Its steps."""
    step_kinds: list[str] | None
    """step, thought, action or observation for each step. Null: all are steps."""
    statement: str
    """The problem's statement."""
    verdicts: list[VerdictOut]
    """Verdicts of its final answer, by source."""
    external_labels: list[ExternalLabelOut]
    """Labels that came with imported files."""
    scores: list[ModelScoreOut]
    """The scores of every model."""
    labels: list[LabelOut]
    """Its submissions."""


class ScoreHistogramOut(Answer):
    """Solutions by verdict in equal bins of the score."""

    model_id: int | None
    """The model. Null if no model has scored the pool."""
    edges: list[float]
    """Edges of the bins, from 0 to 1."""
    verdicts: dict[str, list[int]]
    """Counts of solutions by verdict and bin."""
    filtered: bool
    """False where the filters leave too many solutions to count; then it is the whole pool's."""
    computing: bool
    """True, with empty `verdicts`, until the worker has counted a large pool once."""


@router.get("/solutions", summary="List the solutions of the pool by score")
def list_solutions(db: Db, access: Researcher, pool_filter: FilterQuery, cursor: CursorQuery) -> PoolPageOut:
    models = solution_query.list_scoring_models(db, access.project.id)
    model, pool_filter = solution_query.choose_model(models, pool_filter)
    page = pool_query.load_page(db, access.project.id, pool_filter, PageCursor.parse(cursor))
    return PoolPageOut(
        model_id=pool_filter.model_id,
        solutions=[build_solution(row) for row in solution_query.load_solutions(db, page.ids, model)],
        next_cursor=str(page.next_cursor) if page.next_cursor else None,
        scanned=page.scanned,
    )


@router.get("/solutions/{solution_id}", summary="Get a solution with its scores and labels")
def get_solution(solution_id: int, db: Db, access: Researcher) -> SolutionOut:
    solution, problem = solution_query.get_solution(db, access, solution_id)
    label_exposure.record_page_exposure(db, access.user, solution.id)
    row = solution_query.PoolSolution(solution, problem, None, [], 0)
    verdicts, external_labels = queries.load_verdicts(db, [solution])
    labels = [
        LabelOut.build(submission, finish_reason=submission.assignment.finish_reason)
        for submission in solution_query.list_submissions(db, solution.id)
    ]
    return SolutionOut(
        **dict(build_solution(row)),
        steps=solution.steps,
        step_kinds=name_kinds(solution.step_kinds),
        statement=problem.statement,
        verdicts=[VerdictOut.model_validate(verdict) for verdict in verdicts[solution.id]],
        external_labels=[ExternalLabelOut.model_validate(label) for label in external_labels[solution.id]],
        scores=[build_score(strip) for strip in solution_query.load_strips(db, solution)],
        labels=labels,
    )


@router.get("/score-histogram", summary="Count solutions by score and verdict")
def get_score_histogram(db: Db, access: Researcher, pool_filter: FilterQuery) -> ScoreHistogramOut:
    models = solution_query.list_scoring_models(db, access.project.id)
    _, pool_filter = solution_query.choose_model(models, pool_filter)
    histogram = load_histogram(db, access.project.id, pool_filter)
    return ScoreHistogramOut(
        model_id=pool_filter.model_id,
        edges=[number / BINS for number in range(BINS + 1)],
        verdicts=histogram.rows if histogram else {},
        filtered=histogram.filtered if histogram else True,
        computing=histogram.computing if histogram else False,
    )


def build_solution(row: solution_query.PoolSolution) -> PoolSolutionOut:
    return PoolSolutionOut.build(
        row.solution,
        split=row.problem.split,
        subject=row.problem.subject,
        level=row.problem.level,
        score=row.strip.score if row.strip else None,
        step_correct=[cell.correct for cell in row.strip.cells] if row.strip else None,
        queued=row.queued,
        labeled=row.labeled,
    )


def build_score(strip: HeatStrip) -> ModelScoreOut:
    return ModelScoreOut.build(strip, model_id=strip.model.id, steps=strip.cells)
