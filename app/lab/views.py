"""Pages of test-time search: single searches and budget sweeps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from app.accounts import users
from app.core.db import Db
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS
from app.core.web import redirect, render, render_polled
from app.evaluation.plots import Plot
from app.evaluation.queries import find_plot
from app.generators import generators
from app.lab import figures, queries, runs
from app.lab.config import STRATEGIES, SearchConfig, SweepConfig
from app.lab.models import SearchRun
from app.problems.models import SPLITS
from app.projects.access import Access, Researcher
from app.runs import actions
from app.search.config import ANSWER_SELECTIONS, METHODS
from app.training import queries as training_queries

router = APIRouter(prefix="/projects/{slug}/lab", include_in_schema=False)
Number = Annotated[int, Form(ge=0, lt=2**62)]
Text = Annotated[str, Form()]


@router.get("")
def lab_page(
    request: Request,
    access: Researcher,
    db: Db,
    problem: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
) -> Response:
    return render(
        request,
        "lab/lab.html",
        runs=queries.list_searches(db, access.project.id),
        models=training_queries.list_models(db, access.project.id),
        generators=[
            generator
            for generator in generators.list_generators(db, access.project.id)
            if generator.retired_at is None
        ],
        problems=queries.list_problems(db, access.project.id, problem),
        wanted=problem,
        methods=METHODS,
        answer_selections=ANSWER_SELECTIONS,
        usual=SearchConfig(),
        sweep=SweepConfig(),
        strategies=STRATEGIES,
        splits=SPLITS,
    )


@router.post("/searches")
def start(
    access: Researcher,
    db: Db,
    problem_id: Number,
    model_id: Number,
    generator_id: Number,
    method: Text = "best_of_n",
    n: Number = 16,
    beam_width: Number = 4,
    lookahead: Number = 1,
    answer_selection: Text = "weighted",
    vote_by: Text = "solutions",
    aggregate: Text = "",
    seed: Number = 0,
) -> Response:
    config: dict[str, Any] = {
        "method": method,
        "n": n,
        "beam_width": beam_width,
        "lookahead": lookahead,
        "answer_selection": answer_selection,
        "vote_by": vote_by,
        "aggregate": aggregate or None,
        "seed": seed,
    }
    return _started(access, db, model_id, generator_id, config, problem_id)


@router.post("/sweeps")
def start_sweep(
    access: Researcher,
    db: Db,
    model_id: Number,
    generator_id: Number,
    strategies: Annotated[list[str] | None, Form()] = None,
    split: Text = "validation",
    problems: Number = 50,
    most: Number = 16,
    seed: Number = 0,
) -> Response:
    config: dict[str, Any] = {
        "splits": [split],
        "problems": problems,
        "most": most,
        "seed": seed,
        "strategies": strategies or [],
    }
    return _started(access, db, model_id, generator_id, config, None)


def _started(
    access: Access, db: Db, model_id: int, generator_id: int, config: dict[str, Any], problem_id: int | None
) -> Response:
    run = runs.start(
        db,
        access.project.id,
        model_id=model_id,
        generator_id=generator_id,
        config=config,
        user=access.user,
        problem_id=problem_id,
    )
    return redirect(f"{access.home}/lab/searches/{run.id}", "Search started.")


@router.get("/searches/{search_id}")
def search_page(
    request: Request,
    access: Researcher,
    db: Db,
    search_id: int,
    times: Annotated[float, Query(ge=1, le=10_000)] = figures.LARGER,
    accuracy: Annotated[str, Query(pattern=r"^(\d{0,3}(\.\d{1,9})?)$")] = "",
) -> Response:
    """`times` is the size ratio of a larger model, `accuracy` its accuracy in percent."""
    run = runs.get_search(db, access.project.id, search_id)
    shown_here = _search_context(db, run)
    if run.problem_id is None and run.results:
        percent = float(accuracy) if accuracy else None
        shown_here["larger"] = figures.compare_larger_model(run.results, times, percent)
        shown_here["warnings"] = figures.warnings(run.results)
    template = "lab/search.html" if run.problem_id else "lab/sweep.html"
    return render(request, template, over=run.state not in ACTIVE, **shown_here)


def _search_context(db: Db, run: SearchRun) -> dict[str, Any]:
    listed = queries.get_summary(db, run)
    return {
        "run": run,
        "model": listed.model,
        "generator": listed.generator,
        "problem": listed.problem,
        "by": users.find_user_by_id(db, run.created_by),
        "tree": queries.build_branches(run.tree, run.results) if run.problem_id else None,
        "plots": figures.list_plots(run),
        "strategies": STRATEGIES,
        "attempts": MAX_ATTEMPTS,
    }


@router.get("/searches/{search_id}/progress")
def progress(request: Request, access: Researcher, db: Db, search_id: int) -> Response:
    run = runs.get_search(db, access.project.id, search_id)
    template = "lab/_search.html" if run.problem_id else "lab/_sweep.html"
    return render_polled(request, template, over=run.state not in ACTIVE, **_search_context(db, run))


@router.post("/searches/{search_id}/cancellation")
def cancel(access: Researcher, db: Db, search_id: int) -> Response:
    actions.cancel_run(db, runs.get_search(db, access.project.id, search_id), access.user)
    return redirect(f"{access.home}/lab/searches/{search_id}", "Search cancelled.", "note")


@router.get("/searches/{search_id}/data.json")
def data(access: Researcher, db: Db, search_id: int) -> Response:
    """Config, tree and results as JSON."""
    run = runs.get_search(db, access.project.id, search_id)
    payload = {"config": run.config, "state": run.state, "tree": run.tree, "results": run.results}
    headers = {"Content-Disposition": f'attachment; filename="search-{run.id}.json"'}
    return JSONResponse(payload, headers=headers)


@router.get("/searches/{search_id}/plots/{plot}.{form}")
def plot(access: Researcher, db: Db, search_id: int, plot: str, form: str) -> Response:
    run = runs.get_search(db, access.project.id, search_id)
    drawn: Plot = find_plot(figures.list_plots(run), plot)
    return drawn.response(form, f"search-{run.id}-{plot}")
