"""The dashboard, a generation, a round, and the form that starts a round."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from app.accounts import users
from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.run_lifecycle import ACTIVE
from app.core.web import redirect, render, render_polled
from app.evaluation import generation_curve
from app.evaluation.plots import Plot
from app.projects.access import Access, Researcher
from app.quality import labeler_stats, suspect_references
from app.runs import actions
from app.selection import forms, funnel, gate_check, generations, preview, queries, rounds
from app.selection.gate import GATE_ACTIONS
from app.selection.mixtures import MIXTURES
from app.selection.models import Round
from app.selection.next_action import find_next_action
from app.selection.round_children import load_outputs
from app.selection.strategies import STRATEGIES
from app.training.aggregation import AGGREGATIONS
from app.training.models import Model

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
Sent = Annotated[forms.RoundForm, Form()]


@router.get("/dashboard")
def dashboard_page(request: Request, access: Researcher, db: Db) -> Response:
    project = access.project
    summaries = generations.list_generations(db, project.id)
    model = funnel.find_newest_model(db, project.id)
    counts = funnel.count_funnel(db, project.id, model.id if model else None)
    labels = funnel.count_labels(db, project.id)
    evaluations = queries.load_generation_evaluations(db, project.id, summaries)
    return render(
        request,
        "selection/dashboard.html",
        generations=summaries,
        evaluations=evaluations,
        plot=generation_curve.build_plot(evaluations),
        funnel=queries.build_funnel(summaries[0], counts) if summaries else [],
        labels=labels,
        doubt=suspect_references.count_suspect_references(db, project.id),
        noise=labeler_stats.get_label_noise(db, project.id),
        mix=queries.rating_shares(labels.positive, labels.neutral, labels.negative),
        minutes=sum(row.minutes for row in summaries),
        next_action=find_next_action(project, queries.labeling_progress(counts, summaries, labels)),
        rounds=queries.list_rounds(db, project.id),
        **queries.newest_selector(summaries, evaluations),
        **_live(db, rounds.latest(db, project.id)),
    )


@router.get("/board")
def former_dashboard_page(access: Researcher) -> Response:
    """The address of earlier versions."""
    return redirect(f"{access.home}/dashboard")


@router.get("/dashboard/plots/generations.{form}")
def dashboard_plot(access: Researcher, db: Db, form: str) -> Response:
    """The curve of the dashboard, as data."""
    summaries = generations.list_generations(db, access.project.id)
    evaluations = queries.load_generation_evaluations(db, access.project.id, summaries)
    plot: Plot | None = generation_curve.build_plot(evaluations)
    if plot is None:
        raise NotFound("Fewer than two generations have been evaluated.")
    return plot.response(form, "generations")


@router.get("/generations/{number}")
def generation_page(
    request: Request,
    access: Researcher,
    db: Db,
    number: int,
    strategy: str | None = None,
    state: str | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    generation = generations.get_generation(db, access.project.id, number)
    model = generation.model
    tasks = queries.list_queue(
        db, access.project.id, number, model, strategy=strategy or None, state=state or None, page=page
    )
    counts = funnel.count_funnel(db, access.project.id, model.id if model else None)
    return render(
        request,
        "selection/generation.html",
        shown=generation,
        funnel=queries.build_funnel(generation, counts),
        mix=queries.rating_shares(generation.positive, generation.neutral, generation.negative),
        tasks=tasks,
        counts=queries.count_tasks(db, access.project.id, number),
        filters={"strategy": strategy or "", "state": state or "", "page": page},
        more=len(tasks) == queries.PAGE,
        strategies=STRATEGIES,
    )


@router.get("/rounds/new")
def new_round(request: Request, access: Researcher, db: Db) -> Response:
    return _form(request, access, db, "selection/new_round.html", request.query_params)


@router.get("/rounds/preview")
def preview_part(request: Request, access: Researcher, db: Db) -> Response:
    return _form(request, access, db, "selection/_preview.html", request.query_params)


def _form(
    request: Request, access: Access, db: Db, template: str, sent: Any, wrong: DomainError | None = None
) -> Response:
    values = forms.form_values(sent)
    round_preview = None
    try:
        round_preview = preview.preview_round(db, access.project, forms.config_from_form(values))
    except DomainError as error:
        wrong = wrong or error
    return render(
        request,
        template,
        status=wrong.status if wrong and request.method == "POST" else 200,
        values=values,
        preview=round_preview,
        wrong=wrong,
        active=rounds.active(db, access.project.id),
        models=db.scalars(
            select(Model).where(Model.project_id == access.project.id).order_by(Model.id.desc()).limit(20)
        ).all(),
        strategies=STRATEGIES,
        mixtures=MIXTURES.values(),
        gate_actions=GATE_ACTIONS.values(),
        aggregations=AGGREGATIONS.values(),
    )


@router.post("/rounds")
def start_round(request: Request, access: Researcher, db: Db, sent: Sent) -> Response:
    values = forms.form_values(sent.model_dump())
    try:
        round_ = rounds.start(db, access.project, forms.config_from_form(values), access.user)
    except DomainError as error:
        return _form(request, access, db, "selection/new_round.html", values, error)
    return redirect(f"{access.home}/rounds/{round_.id}", "Round started.")


@router.get("/rounds/{round_id}")
def round_page(request: Request, access: Researcher, db: Db, round_id: int) -> Response:
    round_ = rounds.find(db, access.project.id, round_id)
    by = users.find_user_by_id(db, round_.created_by)
    gate = gate_check.load_result(round_.gate)
    return render(
        request, "selection/round.html", by=by, gate=gate, strategies=STRATEGIES, **_live(db, round_)
    )


@router.get("/rounds/{round_id}/progress")
def round_progress(request: Request, access: Researcher, db: Db, round_id: int) -> Response:
    round_ = rounds.find(db, access.project.id, round_id)
    over = round_.state not in ACTIVE
    return render_polled(request, "selection/_round.html", over=over, **_live(db, round_))


@router.post("/rounds/{round_id}/cancellation")
def cancel_round(access: Researcher, db: Db, round_id: int) -> Response:
    round_ = actions.cancel_run(db, rounds.find(db, access.project.id, round_id), access.user)
    return redirect(f"{access.home}/rounds/{round_.id}", "Round cancelled. Finished stages are kept.", "note")


@router.post("/rounds/{round_id}/resumption")
def resume_round(access: Researcher, db: Db, round_id: int) -> Response:
    round_ = actions.resume_run(db, rounds.find(db, access.project.id, round_id), access.user)
    return redirect(f"{access.home}/rounds/{round_.id}", f"Round resumed at stage {round_.stage}.")


def _live(db: Db, round_: Round | None) -> dict[str, Any]:
    return {
        "round": round_,
        "outputs": load_outputs(db, round_) if round_ else None,
        "stages": rounds.list_stages(db, round_) if round_ else [],
    }
