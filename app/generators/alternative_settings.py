"""What a project has its generator do before a solution is queued, and the queues that wait for it."""

from __future__ import annotations

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
from app.generators.models import Preparation, SamplingItem, SamplingRun
from app.labeling.initial_queue import RANK_UNQUEUED, SEED
from app.modes import get_mode
from app.projects.models import Project

POSITIONS = {
    "every": "for every step",
    "suspect": "only for the step the model holds for the first wrong one",
}
WRONG = 0.2
"""p(negative) above which the model that chose a solution holds a step for wrong (Lightman et al. 2023,
section 3). Where none is, the one it doubts most."""

ITEMS = text(
    """INSERT INTO sampling_item (sampling_run_id, problem_id, solution_id, wanted, detail)
       SELECT :run, s.problem_id, s.id,
           :candidates * coalesce(jsonb_array_length(pick.detail->'positions'), cardinality(s.steps)),
           pick.detail
       FROM jsonb_to_recordset(CAST(:picks AS jsonb)) AS pick(solution_id bigint, detail jsonb)
       JOIN solution s ON s.id = pick.solution_id AND s.project_id = :project
       JOIN problem p ON p.id = s.problem_id AND p.split <> 'test'
       WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id AND t.kind = 'regular'
           AND t.generation = CAST(pick.detail->'task'->>'generation' AS int))
       RETURNING solution_id, wanted"""
)
FIRST = text(
    f"""{RANK_UNQUEUED} SELECT id, rank FROM ranked WHERE (cast(:limit AS bigint) IS NULL OR rank <= :limit)
        AND NOT EXISTS (SELECT 1 FROM sampling_item i JOIN sampling_run r ON r.id = i.sampling_run_id
            WHERE i.solution_id = ranked.id AND r.purpose = 'alternatives' AND i.state <> 'done'
              AND r.state IN ('queued', 'running')) ORDER BY rank"""  # noqa: S608  the part is ours
)
DOUBTED = text(
    # by name: scoring stands above generators, and its tables may only be asked, not imported
    "SELECT solution_id, step_probs FROM score WHERE model_id = :model AND solution_id = ANY(:ids)"
)
WAITING = text(
    """SELECT count(*) FROM sampling_item i JOIN sampling_run r ON r.id = i.sampling_run_id
       WHERE r.project_id = :project AND r.purpose = 'alternatives' AND i.state <> 'done'
         AND NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = i.solution_id)"""
)


@dataclass(frozen=True)
class QueuedPick:
    """A solution to be queued, and with what."""

    solution_id: int
    generation: int
    priority: float
    reason: dict[str, Any]


def find_settings(db: Session, project_id: int) -> Preparation | None:
    return db.scalar(select(Preparation).where(Preparation.project_id == project_id))


def update_settings(
    db: Session,
    project: Project,
    generator_id: int | None,
    candidates: int,
    positions: str,
    user: User | None,
) -> None:
    """From now on. What is queued already stays as it is; None: nothing is prepared."""
    if (there := find_settings(db, project.id)) is not None:
        db.delete(there)
        db.flush()
    if generator_id is not None:
        _check(db, project, generator_id, candidates, positions)
        db.add(
            Preparation(
                project_id=project.id,
                generator_id=generator_id,
                candidates=candidates,
                positions=positions,
                set_by=user.id if user else None,
            )
        )
        db.flush()
    detail = {"generator_id": generator_id, "candidates": candidates, "positions": positions}
    audit.record_event(db, user, "preparation.set", project.name, detail, project.id)


def _check(db: Session, project: Project, generator_id: int, candidates: int, positions: str) -> None:
    found = generators.get_generator(db, project.id, generator_id)
    if get_mode(project.mode).alternatives_at is None:
        raise Invalid(
            "In this project every step is judged and none has alternatives.",
            remedy="Alternatives are for the modes first_error and alternatives.",
        )
    if found.retired_at is not None:
        raise Conflict(f"{found.name} is retired.", remedy="Choose another generator.")
    if not parse(found.config).supports_continuations:
        raise Invalid(
            f"{found.name} is not asked to go on with what is begun.",
            remedy='Make a generator that completes plain text, or a chat server with "prefill" (vLLM).',
        )
    if not 1 <= candidates <= 20:
        raise Invalid("Candidates must be a whole number from 1 to 20.")
    if positions not in POSITIONS:
        raise Invalid(f"There are no positions {positions[:50]!r}.", remedy=f"{' or '.join(POSITIONS)}.")


def start_alternatives(
    db: Session, project: Project, picks: list[QueuedPick], user_id: int | None
) -> SamplingRun | None:
    """A run that makes the candidates of `picks` and queues each when its are there. None where the
    project prepares nothing, or nothing is left of them."""
    wanted = find_settings(db, project.id)
    if wanted is None or not picks:
        return None
    config = {
        "candidates": wanted.candidates,
        "positions": wanted.positions,
        "behind": get_mode(project.mode).is_branching,
    }
    generator = generators.get_generator(db, project.id, wanted.generator_id)
    run = runs.start(db, generator, "alternatives", config, user_id)
    doubted = _suspected_positions(db, picks) if wanted.positions == "suspect" else {}
    rows = [{"solution_id": pick.solution_id, "detail": _detail(pick, doubted)} for pick in picks]
    asked = {"run": run.id, "project": project.id, "candidates": wanted.candidates}
    found = db.execute(ITEMS, {**asked, "picks": orjson.dumps(rows).decode()}).all()
    run.total = sum(row.wanted for row in found)
    if not found:
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
    """Solution id -> the step that the model which chose it doubts. Absent where no model did: there
    every step gets candidates."""
    found: dict[int, int] = {}
    for model_id in {pick.reason.get("model_id") for pick in picks} - {None}:
        ids = [pick.solution_id for pick in picks if pick.reason.get("model_id") == model_id]
        for row in db.execute(DOUBTED, {"model": model_id, "ids": ids}):
            negative = list(row.step_probs[::3])
            over = [place for place, p in enumerate(negative) if p > WRONG]
            found[row.solution_id] = over[0] if over else negative.index(max(negative))
    return found


def queue_with_alternatives(db: Session, project: Project, limit: int | None) -> SamplingRun | None:
    """The first queue (labeling/initial_queue.py), each solution as soon as its candidates are there."""
    rows = db.execute(FIRST, {"project": project.id, "limit": limit, "seed": SEED})
    picks = [QueuedPick(row.id, 0, -row.rank, {"strategy": "first", "rank": row.rank}) for row in rows]
    return start_alternatives(db, project, picks, None)


def count_waiting(db: Session, project_id: int) -> int:
    """Solutions that are not queued because their candidates are not there (yet)."""
    return int(db.scalar(WAITING, {"project": project_id}) or 0)


def release_solutions(db: Session, run: SamplingRun, user: User | None) -> int:
    """Queue what is left of a run that is over as it is, with the candidates it has. How many."""
    if run.purpose != "alternatives" or run.state in runs.ACTIVE:
        raise Conflict("Only what a run left over can be queued without it.", remedy="Cancel the run first.")
    project = db.get_one(Project, run.project_id)
    chosen = select(SamplingItem).where(SamplingItem.sampling_run_id == run.id, SamplingItem.state != "done")
    made = 0
    for item in db.scalars(chosen.order_by(SamplingItem.id)):
        item.state = "done"
        made += alternatives.queue_solution(db, project, item)
    audit.record_event(db, user, "sampling.release", f"run {run.id}", {"queued": made}, run.project_id)
    return made
