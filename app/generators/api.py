"""The JSON API of generators and of what they are asked for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.core.errors import Invalid
from app.generators import alternative_settings, generators, pool_sampling, rollout_plan, runs, usage
from app.generators.models import Generator, SamplingRun
from app.generators.views import record_event
from app.projects.access import Access, ProjectAdmin, Researcher

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["generators"])
MakeBody = Body(
    default_factory=dict,
    description="`name`, `kind` (openai or transformers), `model`, for a server `base_url` and perhaps "
    "`key_name` (an environment variable of the worker, never the key), and `config`.",
    examples=[{"name": "qwen", "kind": "openai", "base_url": "http://localhost:8001/v1", "model": "qwen"}],
)
PlanBody = Body(
    default_factory=dict,
    description="Which problems, and how many solutions each is to have.",
    examples=[{"per_problem": 8, "splits": ["train"], "duplicates": "keep"}],
)
RolloutsBody = Body(
    default_factory=dict,
    description="Which solutions, how many rollouts, behind every step or only to find the first wrong one.",
    examples=[{"rollouts": 8, "how": "every", "per_problem": 4, "most": 1000}],
)
PrepareBody = Body(
    default_factory=dict,
    description="Which generator makes other candidates before a solution is queued (null: none), how many, "
    "and for which steps: every, or suspect.",
    examples=[{"generator_id": 1, "candidates": 3, "positions": "every"}],
)


def generator_as_json(found: Generator) -> dict[str, Any]:
    names = ("id", "name", "kind", "base_url", "model", "key_name", "config", "created_at", "retired_at")
    return {name: getattr(found, name) for name in names}


def run_as_json(found: SamplingRun) -> dict[str, Any]:
    names = ("id", "generator_id", "purpose", "config", "state", "attempt", "total", "counters", "progress")
    times = ("error", "created_at", "started_at", "heartbeat_at", "finished_at")
    said = {name: getattr(found, name) for name in (*names, *times)}
    return {**said, "price": usage.compute_price(found.counters, found.generator.config)}


@router.get("/generators")
def list_generators(access: Researcher, db: Db) -> dict[str, Any]:
    return {
        "generators": [generator_as_json(each) for each in generators.list_generators(db, access.project.id)]
    }


@router.post("/generators", status_code=201)
def create_generator(access: ProjectAdmin, db: Db, given: dict[str, Any] = MakeBody) -> dict[str, Any]:
    given = dict(given)
    config = given.pop("config", {})
    unknown = sorted(set(given) - set(generators.GeneratorInput.__annotations__))
    if unknown or not all(isinstance(value, str) for value in given.values()) or "name" not in given:
        raise Invalid(
            f"There is no field {unknown[0]!r}."
            if unknown
            else "A generator has a name, and fields of text.",
            remedy=f"There are: {', '.join(generators.GeneratorInput.__annotations__)}, config.",
        )
    made = generators.create_generator(
        db, access.project, generators.GeneratorInput(**given), config, access.user
    )
    db.refresh(made)
    return generator_as_json(made)


@router.get("/generators/{generator_id}")
def get_generator(access: Researcher, db: Db, generator_id: int) -> dict[str, Any]:
    return generator_as_json(generators.get_generator(db, access.project.id, generator_id))


@router.post("/generators/{generator_id}/retirement")
def retire(access: ProjectAdmin, db: Db, generator_id: int) -> dict[str, Any]:
    found = generators.get_generator(db, access.project.id, generator_id)
    generators.retire_generator(db, found, access.user)
    return generator_as_json(found)


@router.post("/generators/{generator_id}/preview")
def preview(
    access: Researcher, db: Db, generator_id: int, given: dict[str, Any] = PlanBody
) -> dict[str, int]:
    """How many problems are chosen, how many of them lack solutions, and how many solutions that is."""
    return pool_sampling.preview_plan(
        db, generators.get_generator(db, access.project.id, generator_id), pool_sampling.parse_plan(given)
    )


@router.post("/generators/{generator_id}/trials", status_code=202)
def start_trial(access: Researcher, db: Db, generator_id: int) -> dict[str, Any]:
    """One sample of a problem drawn at random, to be seen in the run's progress. It is not kept."""
    return _started(db, access, generators.get_generator(db, access.project.id, generator_id), "trial", {})


@router.post("/generators/{generator_id}/sampling-runs", status_code=202)
def start(access: Researcher, db: Db, generator_id: int, given: dict[str, Any] = PlanBody) -> dict[str, Any]:
    """Fill the pool to so many solutions a problem."""
    found = generators.get_generator(db, access.project.id, generator_id)
    return _started(db, access, found, "solutions", pool_sampling.parse_plan(given).as_json())


def _started(db: Db, access: Access, of: Generator, purpose: str, config: dict[str, Any]) -> dict[str, Any]:
    started = runs.start(db, of, purpose, config, access.user.id)
    record_event(db, access, started, "start")
    db.refresh(started)
    return run_as_json(started)


@router.post("/generators/{generator_id}/rollouts/preview")
def rollouts_preview(
    access: Researcher, db: Db, generator_id: int, given: dict[str, Any] = RolloutsBody
) -> dict[str, int]:
    """What rollouts will cost in generations (`missing`), at most where the first error is searched."""
    found = generators.get_generator(db, access.project.id, generator_id)
    return rollout_plan.preview_plan(db, found, rollout_plan.parse_plan(given))


@router.post("/generators/{generator_id}/rollouts", status_code=202)
def start_rollouts(
    access: Researcher, db: Db, generator_id: int, given: dict[str, Any] = RolloutsBody
) -> dict[str, Any]:
    """Go on from behind steps of solutions, and count what comes to the right answer."""
    found = generators.get_generator(db, access.project.id, generator_id)
    return _started(db, access, found, "rollouts", rollout_plan.parse_plan(given).as_json())


@router.get("/sampling-runs")
def list_runs(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first, at most 100."""
    return {"sampling_runs": [run_as_json(each) for each in runs.newest(db, access.project.id)]}


@router.get("/sampling-runs/{sampling_id}")
def get_run(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    found = runs.one(db, access.project.id, sampling_id)
    errors = [{"problem_id": each.problem_id, "message": each.message} for each in runs.errors(db, found.id)]
    return {**run_as_json(found), "items": usage.count_items(db, found.id), "errors": errors}


@router.post("/sampling-runs/{sampling_id}/cancellation")
def cancel(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    found = runs.one(db, access.project.id, sampling_id)
    runs.cancel(db, found)
    record_event(db, access, found, "cancel")
    return run_as_json(found)


@router.post("/sampling-runs/{sampling_id}/resumption")
def resume(access: Researcher, db: Db, sampling_id: int) -> dict[str, Any]:
    found = runs.one(db, access.project.id, sampling_id)
    runs.resume(db, found)
    record_event(db, access, found, "resume")
    return run_as_json(found)


@router.post("/sampling-runs/{sampling_id}/release")
def release(access: Researcher, db: Db, sampling_id: int) -> dict[str, int]:
    """Queue what a run of alternatives left over, with the candidates it has."""
    return {
        "queued": alternative_settings.release_solutions(
            db, runs.one(db, access.project.id, sampling_id), access.user
        )
    }


@router.get("/preparation")
def get_alternative_settings(access: Researcher, db: Db) -> dict[str, Any]:
    """What is prepared before a solution is queued, and how many wait for it."""
    found = alternative_settings.find_settings(db, access.project.id)
    names = ("generator_id", "candidates", "positions")
    said = {name: getattr(found, name) if found else None for name in names}
    return {**said, "waiting": alternative_settings.count_waiting(db, access.project.id)}


@router.put("/preparation")
def update_alternative_settings(
    access: ProjectAdmin, db: Db, given: dict[str, Any] = PrepareBody
) -> dict[str, Any]:
    number, candidates = given.get("generator_id"), given.get("candidates", 3)
    positions = given.get("positions", "every")
    whole = [each for each in (number, candidates) if each is not None]
    if set(given) - {"generator_id", "candidates", "positions"} or not isinstance(positions, str):
        raise Invalid("It has generator_id, candidates and positions, and nothing else.")
    if candidates is None or not all(isinstance(each, int) and not isinstance(each, bool) for each in whole):
        raise Invalid("generator_id and candidates must be whole numbers; null for no generator.")
    alternative_settings.update_settings(db, access.project, number, candidates, positions, access.user)
    return get_alternative_settings(access, db)
