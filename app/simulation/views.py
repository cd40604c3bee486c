"""Pages of simulations: try a selection policy before spending people on it."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from app.accounts import users
from app.accounts.models import User
from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS
from app.core.web import redirect, render, render_polled
from app.evaluation.queries import find_plot
from app.projects.access import Access, Researcher
from app.runs import actions
from app.simulation import plots, policies, queries, runs, sizes
from app.simulation.models import Simulation
from app.simulation.request import SimulationForm
from app.world.kinds import WORLDS

router = APIRouter(prefix="/projects/{slug}/simulations", include_in_schema=False)
Sent = Annotated[SimulationForm, Form()]
Said = Annotated[SimulationForm, Query()]


@router.get("")
def simulations(request: Request, access: Researcher, db: Db) -> Response:
    return _list(request, access, db, SimulationForm())


@router.get("/preview")
def preview(request: Request, access: Researcher, given: Said) -> Response:
    """About how long what the form says would take."""
    _none_ticked(given)
    return render(request, "simulation/_preview.html", preview=_preview(given))


@router.post("")
def start(request: Request, access: Researcher, db: Db, sent: Sent) -> Response:
    _none_ticked(sent)
    try:
        made = runs.start(db, access.project.id, sent.asked(), access.user)
    except DomainError as error:
        return _list(request, access, db, sent, error)
    return redirect(f"{access.home}/simulations/{made.id}", "The simulation is on its way.")


def _none_ticked(form: SimulationForm) -> None:
    """A form without a tick says nothing of its boxes."""
    if form.model_fields_set and "policies" not in form.model_fields_set:
        form.policies = []


def _list(
    request: Request, access: Access, db: Db, form: SimulationForm, wrong: DomainError | None = None
) -> Response:
    return render(
        request,
        "simulation/simulations.html",
        status=wrong.status if wrong else 200,
        simulations=queries.listed(db, access.project.id),
        form=form,
        wrong=wrong,
        preview=None if wrong else _preview(form),
        worlds={name: sizes.WORLDS.get(name, name) for name in WORLDS},
        sizes=sizes.WORDS,
        policies=policies.POLICIES.values(),
        worth=plots.worth,
        policy=policies.label_of,
    )


def _preview(form: SimulationForm) -> dict[str, Any]:
    try:
        asked = form.asked()
    except DomainError as error:
        return {"wrong": f"{error.message} {error.remedy}".strip(), "models": 0, "minutes": 0}
    models = len(asked.policies) * len(asked.setting.counts) * len(asked.seeds)
    seconds = sizes.seconds(asked.setting, asked.policies, asked.seeds)
    return {"wrong": "", "models": models, "minutes": math.ceil(seconds / 60)}


@router.get("/{simulation_id}")
def simulation(request: Request, access: Researcher, db: Db, simulation_id: int) -> Response:
    found = runs.find(db, access.project.id, simulation_id)
    template = "simulation/simulation.html"
    return render(request, template, over=found.state not in ACTIVE, **_shown(db, found, access.user))


def _shown(db: Db, found: Simulation, user: User) -> dict[str, Any]:
    points = queries.points(db, found)
    rows = queries.grid(found, points)
    return {
        "run": found,
        "by": users.find_user_by_id(db, found.created_by),
        "budgets": queries.budgets(found),
        "rows": rows,
        "n": max((point.n[-1] for point in points if point.test_set == "plain"), default=0),
        "judged": queries.judged(rows),
        "plots": plots.plots(found),
        "worth": plots.worth(found.results) if found.results else [],
        "warnings": plots.warnings(found.results) if found.results else [],
        "silent": queries.silent(found),
        "projects": queries.projects(db, found, user),
        "policy": policies.label_of,
        "round_of": queries.round_of,
        "attempts": MAX_ATTEMPTS,
    }


@router.get("/{simulation_id}/progress")
def progress(request: Request, access: Researcher, db: Db, simulation_id: int) -> Response:
    found = runs.find(db, access.project.id, simulation_id)
    over = found.state not in ACTIVE
    return render_polled(request, "simulation/_simulation.html", over=over, **_shown(db, found, access.user))


@router.post("/{simulation_id}/cancellation")
def cancel(access: Researcher, db: Db, simulation_id: int) -> Response:
    actions.cancel_run(db, runs.find(db, access.project.id, simulation_id), access.user)
    message = "The simulation is cancelled. What it has so far is kept."
    return redirect(f"{access.home}/simulations/{simulation_id}", message, "note")


@router.post("/{simulation_id}/resumption")
def resume(access: Researcher, db: Db, simulation_id: int) -> Response:
    actions.resume_run(db, runs.find(db, access.project.id, simulation_id), access.user)
    return redirect(f"{access.home}/simulations/{simulation_id}", "The simulation goes on.")


@router.get("/{simulation_id}/points.{form}")
def points(access: Researcher, db: Db, simulation_id: int, form: str) -> Response:
    """All points so far, with the setting (json) or as lines (csv)."""
    found = runs.find(db, access.project.id, simulation_id)
    headers = {"Content-Disposition": f'attachment; filename="simulation-{found.id}.{form}"'}
    if form == "csv":
        lines = queries.as_csv(queries.points(db, found))
        return PlainTextResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
    if form == "json":
        return JSONResponse(jsonable_encoder(queries.whole(db, found)), headers=headers)
    raise NotFound("A simulation's points come as csv or json.")


@router.get("/{simulation_id}/plots/{plot}.{form}")
def plot(access: Researcher, db: Db, simulation_id: int, plot: str, form: str) -> Response:
    found = runs.find(db, access.project.id, simulation_id)
    return find_plot(plots.plots(found), plot).response(form, f"simulation-{found.id}-{plot}")
