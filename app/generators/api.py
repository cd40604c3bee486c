"""The JSON API of generators and their sampling runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy import select

from app.common.config import Config
from app.core.api import Cursor, load_page
from app.core.db import Db
from app.generators import alternative_settings, generators, pool_sampling, rollout_plan, runs, usage
from app.generators.api_models import (
    AlternativeSettingsOut,
    AlternativeSettingsRequest,
    GeneratorList,
    GeneratorOut,
    GeneratorRequest,
    ReleaseOut,
    SamplingErrorOut,
    SamplingRunDetail,
    SamplingRunOut,
    SamplingRunPage,
    build_sampling_run,
)
from app.generators.models import Generator, SamplingRun
from app.generators.pool_sampling import PlanPreview, PoolPlan
from app.generators.rollout_plan import RolloutPlan, RolloutPreview
from app.generators.trial import TrialConfig
from app.projects.access import Access, ProjectAdmin, Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["generators"])
PlanBody = Annotated[PoolPlan, Body(default_factory=PoolPlan)]
RolloutsBody = Annotated[RolloutPlan, Body(default_factory=RolloutPlan)]


@router.get("/generators", summary="List generators")
def list_generators(access: Researcher, db: Db) -> GeneratorList:
    rows = generators.list_generators(db, access.project.id)
    return GeneratorList(generators=[GeneratorOut.model_validate(row) for row in rows])


@router.post("/generators", status_code=201, summary="Create a generator")
def create_generator(access: ProjectAdmin, db: Db, body: GeneratorRequest) -> GeneratorOut:
    """No request is sent to it. Start a trial to check its settings."""
    source = generators.GeneratorInput(**body.model_dump(exclude={"config"}))
    generator = generators.create_generator(db, access.project, source, body.config, access.user)
    db.refresh(generator)
    return GeneratorOut.model_validate(generator)


@router.get("/generators/{generator_id}", summary="Get a generator")
def get_generator(access: Researcher, db: Db, generator_id: int) -> GeneratorOut:
    return GeneratorOut.model_validate(_load_generator(access, db, generator_id))


@router.post("/generators/{generator_id}/retirement", summary="Retire a generator")
def retire_generator(access: ProjectAdmin, db: Db, generator_id: int) -> GeneratorOut:
    """It starts no further runs. Its solutions stay."""
    generator = _load_generator(access, db, generator_id)
    generators.retire_generator(db, generator, access.user)
    return GeneratorOut.model_validate(generator)


@router.post("/generators/{generator_id}/preview", summary="Count what a sampling run would sample")
def preview_sampling(access: Researcher, db: Db, generator_id: int, plan: PlanBody) -> PlanPreview:
    return pool_sampling.preview_plan(db, _load_generator(access, db, generator_id), plan)


@router.post("/generators/{generator_id}/trials", status_code=202, summary="Try a generator")
def start_trial(access: Researcher, db: Db, generator_id: int) -> SamplingRunOut:
    """Sample one solution of a random problem. It appears in the run's progress and is not stored."""
    return _start(access, db, generator_id, "trial", TrialConfig())


@router.post("/generators/{generator_id}/sampling-runs", status_code=202, summary="Fill the pool")
def start_sampling(access: Researcher, db: Db, generator_id: int, plan: PlanBody) -> SamplingRunOut:
    """Sample until each selected problem has the target number of solutions."""
    return _start(access, db, generator_id, "pool", plan)


@router.post("/generators/{generator_id}/rollouts/preview", summary="Count the samples that rollouts need")
def preview_rollouts(access: Researcher, db: Db, generator_id: int, plan: RolloutsBody) -> RolloutPreview:
    return rollout_plan.preview_plan(db, _load_generator(access, db, generator_id), plan)


@router.post("/generators/{generator_id}/rollouts", status_code=202, summary="Estimate step values")
def start_rollouts(access: Researcher, db: Db, generator_id: int, plan: RolloutsBody) -> SamplingRunOut:
    """Continue solutions from their steps and count the correct rollouts."""
    return _start(access, db, generator_id, "rollouts", plan)


def _load_generator(access: Access, db: Db, generator_id: int) -> Generator:
    return generators.get_generator(db, access.project.id, generator_id)


def _start(access: Access, db: Db, generator_id: int, purpose: str, config: Config) -> SamplingRunOut:
    generator = _load_generator(access, db, generator_id)
    started = runs.start(db, generator, purpose, config.to_json(), access.user.id)
    actions.record_start(db, started, access.user)
    db.refresh(started)
    return build_sampling_run(started)


@router.get("/sampling-runs", summary="List sampling runs")
def list_sampling_runs(access: Researcher, db: Db, cursor: Cursor = None) -> SamplingRunPage:
    query = select(SamplingRun).where(SamplingRun.project_id == access.project.id)
    page, next_cursor = load_page(db, query, SamplingRun.id, cursor)
    return SamplingRunPage(sampling_runs=[build_sampling_run(run) for run in page], next_cursor=next_cursor)


@router.get("/sampling-runs/{sampling_id}", summary="Get a sampling run with its errors")
def get_sampling_run(access: Researcher, db: Db, sampling_id: int) -> SamplingRunDetail:
    run = runs.get_run(db, access.project.id, sampling_id)
    return SamplingRunDetail(
        **dict(build_sampling_run(run)),
        items=usage.count_items(db, run.id),
        errors=[SamplingErrorOut.model_validate(error) for error in runs.list_errors(db, run.id)],
    )


@router.post("/sampling-runs/{sampling_id}/cancellation", summary="Cancel a sampling run")
def cancel_sampling_run(access: Researcher, db: Db, sampling_id: int) -> SamplingRunOut:
    run = runs.get_run(db, access.project.id, sampling_id)
    return build_sampling_run(actions.cancel_run(db, run, access.user))


@router.post("/sampling-runs/{sampling_id}/resumption", summary="Resume a sampling run")
def resume_sampling_run(access: Researcher, db: Db, sampling_id: int) -> SamplingRunOut:
    run = runs.get_run(db, access.project.id, sampling_id)
    return build_sampling_run(actions.resume_run(db, run, access.user))


@router.post("/sampling-runs/{sampling_id}/release", summary="Queue solutions without waiting further")
def release_alternatives(access: Researcher, db: Db, sampling_id: int) -> ReleaseOut:
    """Queue the remaining solutions of a finished run with the alternatives they have."""
    run = runs.get_run(db, access.project.id, sampling_id)
    return ReleaseOut(queued=alternative_settings.release_solutions(db, run, access.user))


@router.get("/alternative-settings", summary="Get the settings of alternatives before queueing")
def get_alternative_settings(access: Researcher, db: Db) -> AlternativeSettingsOut:
    settings = alternative_settings.find_settings(db, access.project.id)
    waiting = alternative_settings.count_waiting(db, access.project.id)
    if settings is None:
        return AlternativeSettingsOut(waiting=waiting)
    return AlternativeSettingsOut.build(settings, waiting=waiting)


@router.put("/alternative-settings", summary="Set the alternatives before queueing")
def update_alternative_settings(
    access: ProjectAdmin, db: Db, body: AlternativeSettingsRequest
) -> AlternativeSettingsOut:
    """Applies to solutions queued from now on."""
    alternative_settings.update_settings(
        db, access.project, body.generator_id, body.alternative_count, body.positions, access.user
    )
    return get_alternative_settings(access, db)
