"""The JSON API of the pool."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from app.core.db import Db
from app.explorer import pool_query, solution_query
from app.explorer.histogram import BINS, load_histogram
from app.explorer.pool_query import PageCursor
from app.explorer.views import After, Asked, chosen
from app.labeling import label_exposure
from app.projects.access import Researcher
from app.scoring.heat_strips import HeatStrip

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["pool"])


@router.get("/solutions")
def solutions(db: Db, access: Researcher, wanted: Asked, after: After = "") -> dict[str, Any]:
    """A page of the pool in the order of a model's scores. `next` is the `after` of the next page,
    null at the end; `looked` says that a page ended early, after looking at so many."""
    model, wanted = chosen(solution_query.list_scoring_models(db, access.project.id), wanted)
    page = pool_query.load_page(db, access.project.id, wanted, PageCursor.parse(after))
    return {
        "model_id": wanted.model_id,
        "solutions": [_as_json(each) for each in solution_query.load_solutions(db, page.ids, model)],
        "next": str(page.next_cursor) if page.next_cursor else None,
        "looked": page.scanned,
    }


@router.get("/solutions/{solution_id}")
def solution(solution_id: int, db: Db, access: Researcher) -> dict[str, Any]:
    found, problem = solution_query.get_solution(db, access, solution_id)
    label_exposure.record_page_exposure(db, access.user, found.id)
    return {
        **_as_json(solution_query.PoolSolution(found, problem, None, [], 0)),
        "steps": found.steps,
        "statement": problem.statement,
        "scores": [_strip(strip) for strip in solution_query.load_strips(db, found)],
        "labels": [
            {"labeler": each.labeler, "finish_reason": each.assignment.finish_reason, "ratings": each.ratings}
            for each in solution_query.list_submissions(db, found.id)
        ],
    }


@router.get("/score-histogram")
def score_histogram(db: Db, access: Researcher, wanted: Asked) -> dict[str, Any]:
    """Counts of solutions by verdict in equal steps of the score from 0 to 1. `filtered` is false
    where the filters leave too many to count: then it is the whole pool's. `counting` is true, and
    `verdicts` empty, until a large pool was counted for the first time."""
    _, wanted = chosen(solution_query.list_scoring_models(db, access.project.id), wanted)
    found = load_histogram(db, access.project.id, wanted)
    edges = [place / BINS for place in range(BINS + 1)]
    return {
        "model_id": wanted.model_id,
        "edges": edges,
        "verdicts": found.rows if found else {},
        "filtered": found.filtered if found else True,
        "counting": found.computing if found else False,
    }


def _as_json(found: solution_query.PoolSolution) -> dict[str, Any]:
    of = ("id", "external_id", "problem_id", "generator", "final_answer", "verdict")
    return {
        **{name: getattr(found.solution, name) for name in of},
        **{name: getattr(found.problem, name) for name in ("split", "subject", "level")},
        "score": found.strip.score if found.strip else None,
        "step_correct": [cell.correct for cell in found.strip.cells] if found.strip else None,
        "queued": found.queued,
        "labeled": found.labeled,
    }


def _strip(strip: HeatStrip) -> dict[str, Any]:
    steps = [asdict(cell) for cell in strip.cells]
    return {
        "model_id": strip.model.id, "score": strip.score, "aggregate": strip.aggregate, "steps": steps,
    }  # fmt: skip
