"""The JSON API of generators and their sampling runs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.core.errors import Invalid
from app.generators import alternative_settings, generators, pool_sampling, rollout_plan, runs, usage
from app.generators.models import Generator, SamplingRun
from app.projects.access import Access, ProjectAdmin, Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["generators"])
MakeBody = Body(
    default_factory=dict,
    description="`name`, `kind` (openai or transformers), `model` and `config`. Servers also need "
    "`base_url` and may have `api_key_env`, the "
    "environment variable of the worker that holds the API key.",
    examples=[{"name": "qwen", "kind": "openai", "base_url": "http://localhost:8001/v1", "model": "qwen"}],
)
PlanBody = Body(
    default_factory=dict,
    description="The problems to sample for, and the target number of solutions per problem.",
    examples=[{"per_problem": 8, "splits": ["train"], "duplicates": "keep"}],
)
RolloutsBody = Body(
    default_factory=dict,
    description="The solutions, the number of rollouts per step, and the positions: every step, or a "
    "binary search for the first error.",
    examples=[{"rollouts": 8, "strategy": "all", "per_problem": 4, "max_solutions": 1000}],
)
PrepareBody = Body(
    default_factory=dict,
    description="The generator of alternatives (null for none), the number of alternatives per step, and the "
    "positions: every, or suspect.",
    examples=[{"generator_id": 1, "alternative_count": 3, "positions": "every"}],
)


def generator_as_json(generator: Generator) -> dict[str, Any]:
    names = ("id", "name", "kind", "base_url", "model", "api_key_env", "config", "created_at", "retired_at")
    return {name: getattr(generator, name) for name in names}


def run_as_json(run: SamplingRun) -> dict[str, Any]:
    names = ("id", "generator_id", "purpose", "config", "state", "attempt", "total", "counters", "progress")
    times = ("error", "created_at", "started_at", "heartbeat_at", "finished_at")
    values = {name: getattr(run, name) for name in (*names, *times)}
    return {**values, "price": usage.compute_price(run.counters, run.generator.config)}


@router.get("/generators")
def list_generators(access: Researcher, db: Db) -> dict[str, Any]:
    return {
        "generators": [
            generator_as_json(generator) for generator in generators.list_generators(db, access.project.id)
        ]
    }


@router.post("/generators", status_code=201)
def create_generator(access: ProjectAdmin, db: Db, payload: dict[str, Any] = MakeBody) -> dict[str, Any]:
    payload = dict(payload)
    config = payload.pop("config", {})
    unknown = sorted(set(payload) - set(generators.GeneratorInput.__annotations__))
    if unknown or not all(isinstance(value, str) for value in payload.values()) or "name" not in payload:
        raise Invalid(
            f"Unknown field {unknown[0]!r}."
            if unknown
            else "A generator needs a name; all fields must be texts.",
            remedy=f"Valid fields: {', '.join(generators.GeneratorInput.__annotations__)}, config.",
        )
    generator = generators.create_generator(
        db, access.project, generators.GeneratorInput(**payload), config, access.user
    )
    db.refresh(generator)
    return generator_as_json(generator)


@router.get("/generators/{generator_id}")
def get_generator(access: Researcher, db: Db, generator_id: int) -> dict[str, Any]:
    return generator_as_json(generators.get_generator(db, access.project.id, generator_id))


@router.post("/generators/{generator_id}/retirement")
def retire_generator(access: ProjectAdmin, db: Db, generator_id: int) -> dict[str, Any]:
    generator = generators.get_generator(db, access.project.id, generator_id)
    generators.retire_generator(db, generator, access.user)
    return generator_as_json(generator)


@router.post("/generators/{generator_id}/preview")
def preview_sampling(
    access: Researcher, db: Db, generator_id: int, payload: dict[str, Any] = PlanBody
) -> dict[str, int]:
    """Count the selected problems, the incomplete ones, and the missing solutions."""
    return pool_sampling.preview_plan(
        db, generators.get_generator(db, access.project.id, generator_id), pool_sampling.parse_plan(payload)
    )


@router.post("/generators/{generator_id}/trials", status_code=202)
def start_trial(access: Researcher, db: Db, generator_id: int) -> dict[str, Any]:
    """Sample one solution of a random problem. It appears in the run's progress and is not stored."""
    return _started(db, access, generators.get_generator(db, access.project.id, generator_id), "trial", {})


@router.post("/generators/{generator_id}/sampling-runs", status_code=202)
def start_sampling(
    access: Researcher, db: Db, generator_id: int, payload: dict[str, Any] = PlanBody
) -> dict[str, Any]:
    """Sample until each selected problem has the target number of solutions."""
    generator = generators.get_generator(db, access.project.id, generator_id)
    return _started(db, access, generator, "pool", pool_sampling.parse_plan(payload).as_json())


def _started(db: Db, access: Access, of: Generator, purpose: str, config: dict[str, Any]) -> dict[str, Any]:
    started = runs.start(db, of, purpose, config, access.user.id)
    actions.record_start(db, started, access.user)
    db.refresh(started)
    return run_as_json(started)


@router.post("/generators/{generator_id}/rollouts/preview")
def preview_rollouts(
    access: Researcher, db: Db, generator_id: int, payload: dict[str, Any] = RolloutsBody
) -> dict[str, int]:
    """Count the samples that rollouts need (`missing`). For a binary search, this is the maximum."""
    generator = generators.get_generator(db, access.project.id, generator_id)
    return rollout_plan.preview_plan(db, generator, rollout_plan.parse_plan(payload))


@router.post("/generators/{generator_id}/rollouts", status_code=202)
def start_rollouts(
    access: Researcher, db: Db, generator_id: int, payload: dict[str, Any] = RolloutsBody
) -> dict[str, Any]:
    """Estimate step values: continue solutions from their steps and count the correct rollouts."""
    generator = generators.get_generator(db, access.project.id, generator_id)
    return _started(db, access, generator, "rollouts", rollout_plan.parse_plan(payload).as_json())


@router.get("/sampling-runs")
def list_sampling_runs(access: Researcher, db: Db) -> dict[str, Any]:
    """List sampling runs, newest first, at most 100."""
    return {"sampling_runs": [run_as_json(run) for run in runs.list_runs(db, access.project.id)]}


@router.get("/sampling-runs/{sampling_id}")
def get_sampling_run(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    run = runs.get_run(db, access.project.id, sampling_id)
    errors = [
        {"problem_id": error.problem_id, "message": error.message} for error in runs.list_errors(db, run.id)
    ]
    return {**run_as_json(run), "items": usage.count_items(db, run.id), "errors": errors}


@router.post("/sampling-runs/{sampling_id}/cancellation")
def cancel_sampling_run(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    run = runs.get_run(db, access.project.id, sampling_id)
    return run_as_json(actions.cancel_run(db, run, access.user))


@router.post("/sampling-runs/{sampling_id}/resumption")
def resume_sampling_run(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    run = runs.get_run(db, access.project.id, sampling_id)
    return run_as_json(actions.resume_run(db, run, access.user))


@router.post("/sampling-runs/{sampling_id}/release")
def release_alternatives(access: Researcher, db: Db, sampling_id: int) -> dict[str, int]:
    """Queue the remaining solutions of a finished run with the alternatives they have."""
    return {
        "queued": alternative_settings.release_solutions(
            db, runs.get_run(db, access.project.id, sampling_id), access.user
        )
    }


@router.get("/alternative-settings")
def get_alternative_settings(access: Researcher, db: Db) -> dict[str, Any]:
    """The settings of alternatives before queueing, and the number of solutions that wait for them."""
    settings = alternative_settings.find_settings(db, access.project.id)
    names = ("generator_id", "alternative_count", "positions")
    values = {name: getattr(settings, name) if settings else None for name in names}
    return {**values, "waiting": alternative_settings.count_waiting(db, access.project.id)}


@router.put("/alternative-settings")
def update_alternative_settings(
    access: ProjectAdmin, db: Db, payload: dict[str, Any] = PrepareBody
) -> dict[str, Any]:
    number, alternative_count = payload.get("generator_id"), payload.get("alternative_count", 3)
    positions = payload.get("positions", "every")
    numbers = [value for value in (number, alternative_count) if value is not None]
    if set(payload) - {"generator_id", "alternative_count", "positions"} or not isinstance(positions, str):
        raise Invalid("Unknown field.", remedy="Valid fields: generator_id, alternative_count, positions.")
    if alternative_count is None or not all(
        isinstance(value, int) and not isinstance(value, bool) for value in numbers
    ):
        raise Invalid(
            "generator_id and alternative_count must be integers.", remedy="Use null for no generator."
        )
    alternative_settings.update_settings(
        db, access.project, number, alternative_count, positions, access.user
    )
    return get_alternative_settings(access, db)
