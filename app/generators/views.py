"""Pages of generators: create and try a generator, fill the pool, and watch sampling runs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from app.accounts import users
from app.core.db import Db
from app.core.errors import DomainError
from app.core.web import redirect, render, render_polled
from app.generators import alternative_settings, forms, generators, pool_sampling, runs, usage
from app.generators.config import CHAT, ENDPOINTS, PLAIN, STEPS, GeneratorConfig, parse
from app.generators.kinds import KINDS
from app.generators.models import Generator, SamplingRun
from app.generators.purposes import PURPOSES
from app.modes import get_mode
from app.problems import queries
from app.projects.access import Access, ProjectAdmin, Researcher
from app.runs import actions

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
SPLITS = {
    "train": "train", "validation": "validation", "train+validation": "train and validation",
    "test": "test (evaluation only)",
}  # fmt: skip


async def read_form(request: Request) -> FormData:
    return await request.form()


Form = Annotated[FormData, Depends(read_form)]


@router.get("/generators")
def show_generators(request: Request, access: Researcher, db: Db) -> Response:
    return _list(request, access, db)


@router.post("/generators")
def create_generator(request: Request, access: ProjectAdmin, db: Db, form: Form) -> Response:
    names = ("name", "kind", "model", "base_url", "api_key_env")
    generator_input = generators.GeneratorInput(**{name: forms.text(form, name) for name in names})
    try:
        generator = generators.create_generator(
            db, access.project, generator_input, forms.parse_config(form), access.user
        )
    except DomainError as error:
        return _list(request, access, db, given=form, wrong=error)
    return redirect(
        f"{access.home}/generators/{generator.id}",
        f"Generator {generator.name} created. Sample once to try it.",
    )


def _list(request: Request, access: Access, db: Db, **more: Any) -> Response:
    return render(
        request,
        "generators/generators.html",
        status=more["wrong"].status if "wrong" in more else 200,
        generators=generators.list_generators(db, access.project.id),
        made=usage.count_solutions(db, access.project.id),
        settings=alternative_settings.find_settings(db, access.project.id),
        mode=get_mode(access.project.mode),
        waiting=alternative_settings.count_waiting(db, access.project.id),
        positions=alternative_settings.POSITIONS,
        endpoints=ENDPOINTS,
        steps=STEPS,
        default=GeneratorConfig(),
        kinds=KINDS,
        kind_choices={kind.name: kind.choice for kind in KINDS.values()},
        prompts={"chat": CHAT, "completions": PLAIN},
        **{"given": {}, "wrong": None, **more},
    )


@router.get("/generators/{generator_id}")
def generator_page(request: Request, access: Researcher, db: Db, generator_id: int) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    return render(
        request,
        "generators/generator.html",
        generator=generator,
        by=users.find_user_by_id(db, generator.created_by),
        runs=runs.list_runs(db, access.project.id, generator.id),
        purposes=PURPOSES,
        splits=SPLITS,
        count_from_choices=pool_sampling.COUNT_FROM,
        duplicates=pool_sampling.DUPLICATES,
        **{**queries.filter_choices(db, access.project.id), **_preview(db, generator, request)},
    )


@router.get("/generators/{generator_id}/preview")
def preview(request: Request, access: Researcher, db: Db, generator_id: int) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    return render(
        request, "generators/_preview.html", generator=generator, **_preview(db, generator, request)
    )


def _preview(db: Db, generator: Generator, request: Request) -> dict[str, Any]:
    """The plan in the form and its cost, or the error in the form."""
    config = parse(generator.config)
    try:
        plan = pool_sampling.parse_plan(forms.read_pool_plan(request.query_params))
    except DomainError as error:
        return {"plan": pool_sampling.PoolPlan(), "missing": None, "wrong": error, "config": config}
    return {
        "plan": plan,
        "missing": pool_sampling.preview_plan(db, generator, plan),
        "wrong": None,
        "config": config,
    }


@router.post("/generators/{generator_id}/retirement")
def retire(access: ProjectAdmin, db: Db, generator_id: int) -> Response:
    generators.retire_generator(
        db, generators.get_generator(db, access.project.id, generator_id), access.user
    )
    return redirect(f"{access.home}/generators", "Generator retired. Its solutions are kept.", "note")


@router.post("/generators/{generator_id}/trials")
def start_trial(access: Researcher, db: Db, generator_id: int) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    return start_and_redirect(db, access, generator, "trial", {}, "Trial started.")


@router.post("/generators/{generator_id}/sampling-runs")
def start(access: Researcher, db: Db, generator_id: int, form: Form) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    config = pool_sampling.parse_plan(forms.read_pool_plan(form)).to_json()
    return start_and_redirect(db, access, generator, "pool", config, "Sampling started.")


def start_and_redirect(
    db: Db, access: Access, of: Generator, purpose: str, config: dict[str, Any], message: str
) -> Response:
    started = runs.start(db, of, purpose, config, access.user.id)
    actions.record_start(db, started, access.user)
    return redirect(f"{access.home}/sampling-runs/{started.id}", message)


@router.get("/sampling-runs/{sampling_id}")
def sampling_run_page(request: Request, access: Researcher, db: Db, sampling_id: int) -> Response:
    run = runs.get_run(db, access.project.id, sampling_id)
    return render(
        request, "generators/run.html", by=users.find_user_by_id(db, run.created_by), **_live(db, run)
    )


@router.get("/sampling-runs/{sampling_id}/progress")
def progress(request: Request, access: Researcher, db: Db, sampling_id: int) -> Response:
    run = runs.get_run(db, access.project.id, sampling_id)
    return render_polled(request, "generators/_run.html", over=run.state not in runs.ACTIVE, **_live(db, run))


def _live(db: Db, run: SamplingRun) -> dict[str, Any]:
    return {
        "run": run,
        "generator": run.generator,
        "purpose": PURPOSES[run.purpose],
        "items": usage.count_items(db, run.id),
        "errors": runs.list_errors(db, run.id),
        "price": usage.compute_price(run),
    }


@router.post("/sampling-runs/{sampling_id}/cancellation")
def cancel(access: Researcher, db: Db, sampling_id: int) -> Response:
    actions.cancel_run(db, runs.get_run(db, access.project.id, sampling_id), access.user)
    return redirect(
        f"{access.home}/sampling-runs/{sampling_id}", "Sampling cancelled. Stored samples are kept.", "note"
    )


@router.post("/sampling-runs/{sampling_id}/resumption")
def resume(access: Researcher, db: Db, sampling_id: int) -> Response:
    actions.resume_run(db, runs.get_run(db, access.project.id, sampling_id), access.user)
    return redirect(f"{access.home}/sampling-runs/{sampling_id}", "Sampling resumed.")


@router.post("/sampling-runs/{sampling_id}/release")
def release(access: Researcher, db: Db, sampling_id: int) -> Response:
    """Queue the remaining solutions of a run with the alternatives they have."""
    queued_count = alternative_settings.release_solutions(
        db, runs.get_run(db, access.project.id, sampling_id), access.user
    )
    return redirect(
        f"{access.home}/sampling-runs/{sampling_id}",
        f"Queued {queued_count:,} solutions without alternatives.",
    )


@router.post("/alternative-settings")
def save_alternative_settings(access: ProjectAdmin, db: Db, form: Form) -> Response:
    chosen = forms.text(form, "generator")
    number = int(forms.number(form, "generator", True)) if chosen else None
    field = "alternative_count"
    alternative_count = int(forms.number(form, field, True)) if forms.text(form, field) else 3
    positions = forms.text(form, "positions") or "every"
    alternative_settings.update_settings(
        db, access.project, number, alternative_count, positions, access.user
    )
    message = "Alternatives will be created before queueing." if number else "Alternatives turned off."
    return redirect(f"{access.home}/generators", message)
