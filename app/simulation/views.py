"""Pages of simulations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from app.accounts import users
from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS
from app.core.web import redirect, render, render_polled
from app.evaluation.queries import find_plot
from app.projects.access import Access, Researcher
from app.runs import actions
from app.simulation import plots, policies, queries, runs
from app.simulation.models import Simulation
from app.simulation.request import SIZE_LABELS, SimulationForm
from app.world.kinds import WORLDS

router = APIRouter(prefix="/projects/{slug}/simulations", include_in_schema=False)
WORLD_LABELS = {
    "chains": "Chains of operations",
    "knockout": "Knockout matches",
    "misprints": "Knockout matches with misprints",
    "lineage": "Lines of descent",
    "ordering": "An unknown order",
}


@router.get("")
def list_simulations(request: Request, access: Researcher, db: Db) -> Response:
    return _render_list(request, access, db, SimulationForm())


@router.get("/preview")
def preview(request: Request, access: Researcher, form: Annotated[SimulationForm, Query()]) -> Response:
    """The number of models and the time that the form would take."""
    _clear_policies(form)
    return render(request, "simulation/_preview.html", preview=form.preview())


@router.post("")
def start(request: Request, access: Researcher, db: Db, form: Annotated[SimulationForm, Form()]) -> Response:
    _clear_policies(form)
    try:
        run = runs.start_simulation(db, access.project.id, form.parse(), access.user)
    except DomainError as error:
        return _render_list(request, access, db, form, error)
    return redirect(f"{access.home}/simulations/{run.id}", "Simulation started.")


def _clear_policies(form: SimulationForm) -> None:
    """A browser sends nothing for checkboxes that are all empty."""
    if form.model_fields_set and "policies" not in form.model_fields_set:
        form.policies = []


def _render_list(
    request: Request, access: Access, db: Db, form: SimulationForm, error: DomainError | None = None
) -> Response:
    return render(
        request,
        "simulation/simulations.html",
        status=error.status if error else 200,
        simulations=queries.list_simulations(db, access.project.id),
        form=form,
        error=error,
        preview=None if error else form.preview(),
        worlds={name: WORLD_LABELS.get(name, name) for name in WORLDS},
        sizes=SIZE_LABELS,
        policies=policies.POLICIES.values(),
        label_efficiency=plots.list_label_efficiency,
    )


@router.get("/{simulation_id}")
def get_simulation(request: Request, access: Researcher, db: Db, simulation_id: int) -> Response:
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return render(request, "simulation/simulation.html", over=run.state not in ACTIVE, **_context(db, run))


@router.get("/{simulation_id}/progress")
def progress(request: Request, access: Researcher, db: Db, simulation_id: int) -> Response:
    run = runs.get_simulation(db, access.project.id, simulation_id)
    over = run.state not in ACTIVE
    return render_polled(request, "simulation/_progress.html", over=over, **_context(db, run))


def _context(db: Db, run: Simulation) -> dict[str, Any]:
    measurements = queries.list_measurements(db, run)
    grid = queries.build_grid(run, measurements)
    return {
        "run": run,
        "by": users.find_user_by_id(db, run.created_by),
        "grid": grid,
        "gated": [(policy, cells) for policy, cells in grid if any(cell.gates for cell in cells)],
        "n": max((row.n[-1] for row in measurements if row.test_set == "plain"), default=0),
        "plots": plots.list_plots(run),
        "label_efficiency": plots.list_label_efficiency(run.results) if run.results else [],
        "warnings": plots.list_warnings(run.results) if run.results else [],
        "policy_label": policies.label_of,
        "round_query": queries.round_query,
        "max_attempts": MAX_ATTEMPTS,
    }


@router.post("/{simulation_id}/cancellation")
def cancel(access: Researcher, db: Db, simulation_id: int) -> Response:
    actions.cancel_run(db, runs.get_simulation(db, access.project.id, simulation_id), access.user)
    message = "Simulation cancelled. Its measurements are stored."
    return redirect(f"{access.home}/simulations/{simulation_id}", message, "note")


@router.post("/{simulation_id}/resumption")
def resume(access: Researcher, db: Db, simulation_id: int) -> Response:
    actions.resume_run(db, runs.get_simulation(db, access.project.id, simulation_id), access.user)
    return redirect(f"{access.home}/simulations/{simulation_id}", "Simulation resumed.")


@router.get("/{simulation_id}/measurements.{form}")
def download(access: Researcher, db: Db, simulation_id: int, form: str) -> Response:
    """All measurements so far, with the configuration (json) or as lines (csv)."""
    run = runs.get_simulation(db, access.project.id, simulation_id)
    headers = {"Content-Disposition": f'attachment; filename="simulation-{run.id}.{form}"'}
    if form == "csv":
        lines = queries.measurements_to_csv(queries.list_measurements(db, run))
        return PlainTextResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
    if form == "json":
        return JSONResponse(jsonable_encoder(queries.results_to_json(db, run)), headers=headers)
    raise NotFound("Measurements are available as csv and json.")


@router.get("/{simulation_id}/plots/{plot}.{form}")
def get_plot(access: Researcher, db: Db, simulation_id: int, plot: str, form: str) -> Response:
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return find_plot(plots.list_plots(run), plot).response(form, f"simulation-{run.id}-{plot}")
