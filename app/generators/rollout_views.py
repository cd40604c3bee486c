"""Pages of rollouts: the estimate, starting a run, and the results. Only researchers see them, because
labelers must not see step values from a model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.errors import DomainError
from app.core.web import render
from app.generators import forms, generators, rollout_plan, runs
from app.generators.config import parse
from app.generators.models import Generator
from app.generators.purposes import PURPOSES
from app.generators.views import SPLITS, Form, start_and_redirect
from app.problems import queries
from app.projects.access import Researcher

router = APIRouter(prefix="/projects/{slug}/generators/{generator_id}/rollouts", include_in_schema=False)


@router.get("")
def rollouts(request: Request, access: Researcher, db: Db, generator_id: int) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    return render(
        request,
        "generators/rollouts.html",
        generator=generator,
        there=rollout_plan.existing_counts(db, generator.id),
        runs=runs.list_runs(db, access.project.id, generator.id, "rollouts"),
        purposes=PURPOSES,
        splits={value: label for value, label in SPLITS.items() if value != "test"},
        strategies=rollout_plan.STRATEGIES,
        verdicts=rollout_plan.VERDICTS,
        **{**queries.filter_choices(db, access.project.id), **_preview(db, generator, request)},
    )


@router.get("/preview")
def preview(request: Request, access: Researcher, db: Db, generator_id: int) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    return render(
        request, "generators/_rollouts_preview.html", generator=generator, **_preview(db, generator, request)
    )


def _preview(db: Db, generator: Generator, request: Request) -> dict[str, Any]:
    config = parse(generator.config)
    try:
        plan = rollout_plan.parse_plan(forms.read_rollout_plan(request.query_params))
    except DomainError as error:
        return {"plan": rollout_plan.RolloutPlan(), "missing": None, "wrong": error, "config": config}
    return {
        "plan": plan,
        "missing": rollout_plan.preview_plan(db, generator, plan),
        "wrong": None,
        "config": config,
    }


@router.post("")
def start(access: Researcher, db: Db, generator_id: int, form: Form) -> Response:
    generator = generators.get_generator(db, access.project.id, generator_id)
    config = rollout_plan.parse_plan(forms.read_rollout_plan(form)).to_json()
    return start_and_redirect(db, access, generator, "rollouts", config, "Rollouts started.")
