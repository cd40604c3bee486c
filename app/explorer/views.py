"""The pages of the pool: its solutions by score, and one solution with every score and label."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.web import render
from app.explorer import pool_query, solution_query
from app.explorer.histogram import TITLES, draw_bars, load_histogram
from app.explorer.parameters import CursorQuery, FilterQuery, to_query
from app.explorer.pool_query import PageCursor
from app.labeling import label_exposure
from app.labeling.ratings import BY_VALUE
from app.labeling.submission_views import FINISH_LABELS
from app.problems import queries
from app.problems.models import SPLITS, VERDICTS
from app.problems.step_kinds import name_kinds
from app.projects.access import Researcher

router = APIRouter(prefix="/projects/{slug}/solutions", include_in_schema=False)


@router.get("")
def pool_page(
    request: Request, db: Db, access: Researcher, pool_filter: FilterQuery, cursor: CursorQuery
) -> Response:
    models = solution_query.list_scoring_models(db, access.project.id)
    model, pool_filter = solution_query.choose_model(models, pool_filter)
    start = PageCursor.parse(cursor)
    page = pool_query.load_page(db, access.project.id, pool_filter, start)
    choices = queries.filter_choices(db, access.project.id)
    histogram = load_histogram(db, access.project.id, pool_filter) if not start else None
    return render(
        request,
        "explorer/pool.html",
        filter=pool_filter,
        models=models,
        model=model,
        solutions=solution_query.load_solutions(db, page.ids, model),
        page=page,
        is_first_page=start is None,
        histogram=histogram,
        bars=draw_bars(histogram) if histogram else None,
        titles=TITLES,
        splits=SPLITS,
        verdicts=(*VERDICTS, "ungraded"),
        parameters=urlencode(to_query(pool_filter)),
        subjects=choices["subjects"],
        levels=choices["levels"],
    )


@router.get("/{solution_id}")
def solution_page(request: Request, solution_id: int, db: Db, access: Researcher) -> Response:
    solution, problem = solution_query.get_solution(db, access, solution_id)
    label_exposure.record_page_exposure(db, access.user, solution.id)
    verdicts, external_labels = queries.load_verdicts(db, [solution])
    return render(
        request,
        "explorer/solution.html",
        verdicts=verdicts[solution.id],
        step_kinds=name_kinds(solution.step_kinds),
        external_labels=external_labels[solution.id],
        solution=solution,
        problem=problem,
        strips=solution_query.load_strips(db, solution),
        submissions=solution_query.list_submissions(db, solution.id),
        rollouts=solution_query.load_rollouts(db, solution.id),
        titles=TITLES,
        ratings=BY_VALUE,
        finish_labels=FINISH_LABELS,
    )
