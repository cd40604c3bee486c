"""Alternatives before queueing: the settings of a project, and the solutions that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid
from app.generators import alternatives, generators, runs
from app.generators.config import parse
from app.generators.models import AlternativeSettings, SamplingItem, SamplingRun
from app.generators.purposes import PURPOSES
from app.labeling.initial_queue import DEFAULT_SPLITS, RANK_UNQUEUED, SEED
from app.modes import get_mode
from app.projects.models import Project

POSITIONS = {
    "every": "every step",
    "suspect": "suspected step only",
}
WRONG = 0.2
"""p(negative) above which a step is suspected (Lightman et al. 2023, section 3). If no step reaches it,
the step with the highest p(negative) is suspected."""

ITEMS = text(
    """INSERT INTO sampling_item (sampling_run_id, problem_id, solution_id, target_count, detail)
       SELECT :run, s.problem_id, s.id,
           :alternative_count * coalesce(jsonb_array_length(pick.detail->'positions'), cardinality(s.steps)),
           pick.detail
       FROM jsonb_to_recordset(CAST(:picks AS jsonb)) AS pick(solution_id bigint, detail jsonb)
       JOIN solution s ON s.id = pick.solution_id AND s.project_id = :project
       JOIN problem p ON p.id = s.problem_id AND p.split <> 'test'
       WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id AND t.kind = 'regular'
           AND t.generation = CAST(pick.detail->'task'->>'generation' AS int))
       RETURNING solution_id, target_count"""
)
FIRST = text(
    f"""{RANK_UNQUEUED} SELECT id, rank FROM ranked WHERE (cast(:limit AS bigint) IS NULL OR rank <= :limit)
        AND NOT EXISTS (SELECT 1 FROM solution_awaiting_alternatives w WHERE w.solution_id = ranked.id)
        ORDER BY rank"""  # noqa: S608  the part is ours
)
DOUBTED = text(
    "SELECT solution_id, step_probs FROM score WHERE model_id = :model AND solution_id = ANY(:ids)"
)
WAITING = text(
    """SELECT count(*) FROM sampling_item i
       JOIN sampling_run s ON s.run_id = i.sampling_run_id JOIN run r ON r.id = s.run_id
       WHERE r.project_id = :project AND s.purpose = 'alternatives' AND i.state <> 'succeeded'
         AND NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = i.solution_id)"""
)


@dataclass(frozen=True)
class QueuedPick:
    """A solution to queue, with the fields of its task."""

    solution_id: int
    generation: int
    priority: float
    reason: dict[str, Any]


def find_settings(db: Session, project_id: int) -> AlternativeSettings | None:
    return db.scalar(select(AlternativeSettings).where(AlternativeSettings.project_id == project_id))


def update_settings(
    db: Session,
    project: Project,
    generator_id: int | None,
    alternative_count: int,
    positions: str,
    user: User | None,
) -> None:
    """Applies to solutions queued from now on. `generator_id` None: no alternatives."""
    if (settings := find_settings(db, project.id)) is not None:
        db.delete(settings)
        db.flush()
    if generator_id is not None:
        _check(db, project, generator_id, alternative_count, positions)
        db.add(
            AlternativeSettings(
                project_id=project.id,
                generator_id=generator_id,
                alternative_count=alternative_count,
                positions=positions,
                updated_by=user.id if user else None,
            )
        )
        db.flush()
    detail = {"generator_id": generator_id, "alternative_count": alternative_count, "positions": positions}
    audit.record_event(db, user, "alternative_settings.update", project.name, detail, project.id)


def _check(db: Session, project: Project, generator_id: int, alternative_count: int, positions: str) -> None:
    generator = generators.get_generator(db, project.id, generator_id)
    if get_mode(project.mode).alternatives_at is None:
        raise Invalid(
            "This project rates every step, so steps have no alternatives.",
            remedy="Alternatives need the mode first_error or alternatives.",
        )
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired.", remedy="Choose another generator.")
    if not parse(generator.config).supports_continuations:
        raise Invalid(
            f"{generator.name} does not support continuations.",
            remedy="Use a completions endpoint or enable prefill.",
        )
    if not 1 <= alternative_count <= 20:
        raise Invalid("Alternatives per step must be an integer from 1 to 20.")
    if positions not in POSITIONS:
        raise Invalid(
            f"Unknown positions {positions[:50]!r}.", remedy=f"Valid positions: {', '.join(POSITIONS)}."
        )


def start_alternatives(
    db: Session,
    project: Project,
    picks: list[QueuedPick],
    user_id: int | None,
    parent_id: int | None = None,
) -> SamplingRun | None:
    """A run that creates alternatives for `picks` and queues each solution when its own are ready. None if
    the project has no alternatives before queueing, or if all picks are queued already."""
    settings = find_settings(db, project.id)
    if settings is None or not picks:
        return None
    config = {
        "alternative_count": settings.alternative_count,
        "positions": settings.positions,
        "to_end": get_mode(project.mode).is_branching,
    }
    generator = generators.get_generator(db, project.id, settings.generator_id)
    run = runs.start(db, generator, "alternatives", config, user_id, parent_id=parent_id)
    doubted = _suspected_positions(db, picks) if settings.positions == "suspect" else {}
    rows = [{"solution_id": pick.solution_id, "detail": _detail(pick, doubted)} for pick in picks]
    params = {"run": run.id, "project": project.id, "alternative_count": settings.alternative_count}
    items = db.execute(ITEMS, {**params, "picks": orjson.dumps(rows).decode()}).all()
    run.total = sum(row.target_count for row in items)
    if not items:
        db.delete(run)
        db.flush()
        return None
    db.flush()
    return run


def list_solution_ids(db: Session, run: SamplingRun) -> set[int | None]:
    return set(db.scalars(select(SamplingItem.solution_id).where(SamplingItem.sampling_run_id == run.id)))


def _detail(pick: QueuedPick, doubted: dict[int, int]) -> dict[str, Any]:
    task = {"generation": pick.generation, "priority": pick.priority, "reason": pick.reason}
    place = doubted.get(pick.solution_id)
    return {"task": task, **({} if place is None else {"positions": [place]})}


def _suspected_positions(db: Session, picks: list[QueuedPick]) -> dict[int, int]:
    """Solution id -> position of its suspected step. Solutions that no model selected are absent: each of
    their steps gets alternatives."""
    positions: dict[int, int] = {}
    for model_id in {pick.reason.get("model_id") for pick in picks} - {None}:
        ids = [pick.solution_id for pick in picks if pick.reason.get("model_id") == model_id]
        for row in db.execute(DOUBTED, {"model": model_id, "ids": ids}):
            negative = list(row.step_probs[::3])
            over = [place for place, p in enumerate(negative) if p > WRONG]
            positions[row.solution_id] = over[0] if over else negative.index(max(negative))
    return positions


def queue_with_alternatives(
    db: Session, project: Project, limit: int | None, splits: Sequence[str] = DEFAULT_SPLITS
) -> SamplingRun | None:
    """The initial queue (labeling/initial_queue.py): each solution is queued with its alternatives."""
    rows = db.execute(FIRST, {"project": project.id, "limit": limit, "seed": SEED, "splits": list(splits)})
    picks = [QueuedPick(row.id, 0, -row.rank, {"strategy": "first", "rank": row.rank}) for row in rows]
    return start_alternatives(db, project, picks, None)


def count_waiting(db: Session, project_id: int) -> int:
    """Solutions that wait for their alternatives and are not queued yet."""
    return int(db.scalar(WAITING, {"project": project_id}) or 0)


def release_solutions(db: Session, run: SamplingRun, user: User | None) -> int:
    """Queue the remaining solutions of a finished run with the alternatives they have. Returns the count."""
    if not PURPOSES[run.purpose].queues_solutions:
        raise Conflict(f"Run {run.id} does not queue solutions.")
    if run.state in runs.ACTIVE:
        raise Conflict("The run is still active.", remedy="Cancel the run first.")
    project = db.get_one(Project, run.project_id)
    chosen = select(SamplingItem).where(
        SamplingItem.sampling_run_id == run.id, SamplingItem.state != "succeeded"
    )
    queued_count = 0
    for item in db.scalars(chosen.order_by(SamplingItem.id)):
        item.state = "succeeded"
        queued_count += alternatives.queue_solution(db, project, item)
    audit.record_event(
        db, user, "sampling.release", f"run {run.id}", {"queued": queued_count}, run.project_id
    )
    return queued_count
