"""The pages of the pool: its solutions by score, and one solution with what every model and
labeler says of its steps."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.errors import NotFound
from app.core.web import render
from app.explorer import pool_query, solution_query
from app.explorer.drawing import drawn
from app.explorer.histogram import TITLES, load_histogram
from app.explorer.pool_query import PageCursor, PoolFilter
from app.labeling import label_exposure
from app.labeling.submission_views import FINISH_LABELS
from app.problems import queries
from app.problems.models import OLD_VERDICTS, SPLITS, VERDICTS
from app.projects.access import Researcher

router = APIRouter(prefix="/projects/{slug}/solutions", include_in_schema=False)


def number(said: str, most: float = 2**62) -> float | None:
    """A number from a form, where an empty field means any."""
    try:
        found = float(said)
    except ValueError:
        return None
    return found if 0 <= found <= most else None


def asked(
    model: str = "",
    q: str = "",
    inside: str = "problem",
    split: str = "",
    verdict: str = "",
    subject: str = "",
    level: str = "",
    generator: str = "",
    generation: str = "",
    labeled: str = "",
    low: str = "",
    high: str = "",
    order: str = "highest",
) -> PoolFilter:
    """What the query says; what it cannot mean is left out."""
    of_model, queued = number(model), number(generation, 2**31 - 1)
    return PoolFilter(
        model_id=None if of_model is None else int(of_model),
        words=q.replace("\0", "").strip()[:200],
        inside="steps" if inside == "steps" else "problem",
        split=split.replace("\0", ""),
        verdict=OLD_VERDICTS.get(verdict, verdict.replace("\0", "")),
        subject=subject.replace("\0", ""),
        level=level.replace("\0", ""),
        generator=generator.replace("\0", "").strip(),
        generation=None if queued is None else int(queued),
        labeled=labeled if labeled in ("yes", "no") else "",
        low=number(low, 1),
        high=number(high, 1),
        order="lowest" if order == "lowest" else "highest",
    )


Asked = Annotated[PoolFilter, Depends(asked)]
After = Annotated[str, Query(max_length=80)]


@router.get("")
def pool(request: Request, db: Db, access: Researcher, wanted: Asked, after: After = "") -> Response:
    models = solution_query.list_scoring_models(db, access.project.id)
    model, wanted = chosen(models, wanted)
    place = PageCursor.parse(after)
    page = pool_query.load_page(db, access.project.id, wanted, place)
    choices = queries.filter_choices(db, access.project.id)
    counted = load_histogram(db, access.project.id, wanted) if not place else None
    return render(
        request,
        "explorer/pool.html",
        wanted=wanted,
        models=models,
        model=model,
        found=solution_query.load_solutions(db, page.ids, model),
        page=page,
        after=place,
        histogram=counted,
        bars=drawn(counted) if counted else None,
        titles=TITLES,
        splits=SPLITS,
        verdicts=(*VERDICTS, "ungraded"),
        keep=urlencode(query_of(wanted)),
        subjects=choices["subjects"],
        levels=choices["levels"],
    )


@router.get("/{solution_id}")
def solution(request: Request, solution_id: int, db: Db, access: Researcher) -> Response:
    found, problem = solution_query.get_solution(db, access, solution_id)
    label_exposure.record_page_exposure(db, access.user, found.id)
    return render(
        request,
        "explorer/solution.html",
        solution=found,
        problem=problem,
        strips=solution_query.load_strips(db, found),
        judged=solution_query.list_submissions(db, found.id),
        rollouts=solution_query.load_rollouts(db, found.id),
        titles=TITLES,
        finish=FINISH_LABELS,
    )


def chosen(models: list[Any], wanted: PoolFilter) -> tuple[Any, PoolFilter]:
    """The model asked for, the newest that scored if none was; a strange one is not there."""
    if wanted.model_id is None:
        model = models[0] if models else None
    else:
        model = next((each for each in models if each.id == wanted.model_id), None)
        if model is None:
            raise NotFound("No such model scored this project's pool.", remedy="Choose one from the list.")
    return model, PoolFilter(**{**wanted.__dict__, "model_id": model.id if model else None})


def query_of(wanted: PoolFilter) -> dict[str, Any]:
    """The query that asks for it again."""
    names = {"model_id": "model", "words": "q"}
    said = {names.get(name, name): value for name, value in wanted.__dict__.items()}
    return {name: value for name, value in said.items() if value not in (None, "")}
