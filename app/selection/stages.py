"""The six stages of a round. Each is called again and again until it says it is done:
the first call starts a child run, the later ones see how it goes. What a stage made is
stored in the round's row, so a stage that runs twice makes nothing twice. A stage that cannot go
on raises; the driver shows why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import Conflict, DomainError, Invalid
from app.evaluation import runs as evaluation
from app.generators import alternative_settings
from app.labeling.initial_queue import TASK_OVERLAP, overlap_params
from app.projects.models import Project
from app.scoring import runs as scoring
from app.scoring.models import ScoringRun
from app.selection import funnel, gate_check, select_sql
from app.selection.config import RoundConfig
from app.selection.models import Generation, Round
from app.selection.round_children import find_child
from app.selection.select_in_memory import interleave
from app.training import runs as training
from app.training import snapshots
from app.training.models import Model, TrainingRun

INSERT_TASKS = text(
    f"""INSERT INTO task (project_id, solution_id, generation, priority, overlap, reason)
       SELECT s.project_id, s.id, :number, pick.priority, {TASK_OVERLAP}, pick.reason
       FROM jsonb_to_recordset(CAST(:picks AS jsonb))
            AS pick(solution_id bigint, priority double precision, reason jsonb)
       JOIN solution s ON s.id = pick.solution_id AND s.project_id = :project_id
       JOIN problem p ON p.id = s.problem_id AND p.split <> 'test'
       ON CONFLICT DO NOTHING RETURNING reason->>'strategy'"""  # noqa: S608  the part is ours
)
NEWER_FIRST = 1_000_000
"""Tasks of a newer generation come before open tasks of older ones."""


class StageFailed(DomainError):
    """Something a stage waited for did not work out."""

    status, code = 409, "stage_failed"


def create_snapshot(db: Session, round_: Round, config: RoundConfig) -> bool:
    """Freeze the labels. With a model given there is nothing to learn from."""
    if config.model_id is not None:
        round_.model_id = config.model_id
    elif round_.snapshot_id is None:
        frozen = snapshots.create_snapshot(db, round_.project_id, config.data.to_json(), round_.created_by)
        round_.snapshot_id = frozen.id
    return True


def train_model(db: Session, round_: Round, config: RoundConfig) -> bool:
    """A training run over the snapshot, until it published a model."""
    if round_.model_id is not None:
        return True
    run = find_child(db, round_, TrainingRun)
    if run is None:
        assert round_.snapshot_id is not None
        labels, settings = round_.snapshot_id, config.train.to_json()
        training.start(db, round_.project_id, labels, settings, round_.created_by, round_.id)
        return False
    if not _has_succeeded(run, "Training"):
        return False
    round_.model_id = db.scalars(select(Model.id).where(Model.training_run_id == run.id)).one()
    return True


def score_pool(db: Session, round_: Round, config: RoundConfig) -> bool:
    """Every solution that could be queued, scored by the round's model; which is then judged on
    the project's default set: the gate asks what came out."""
    model_id = _model_of(round_)
    run = find_child(db, round_, ScoringRun)
    if run is None:
        scoring.start(db, round_.project_id, model_id, config.score.to_json(), round_.created_by, round_.id)
        return False
    if not _has_succeeded(run, "Scoring"):
        return False
    evaluation.start_after_scoring(db, round_.project_id, model_id, round_.id)
    return True


def _model_of(round_: Round) -> int:
    assert round_.model_id is not None
    return round_.model_id


def _has_succeeded(run: TrainingRun | ScoringRun, what: str) -> bool:
    if run.state == "failed":
        raise StageFailed(f"{what} failed: {run.error or 'it left no reason.'}")
    if run.state == "cancelled":
        raise StageFailed(f"{what} was cancelled.", remedy="Resume the round to start it again.")
    return run.state == "succeeded"


def validate_model(db: Session, round_: Round, config: RoundConfig) -> bool:
    """Whether the model may choose (gate.py). Waits for its evaluation; does not fail with it."""
    if round_.gate is not None:
        return True
    gate = gate_check.evaluate_gate(db, round_.project_id, _model_of(round_), config.gate)
    if gate is None:
        return False
    round_.gate = gate.model_dump()
    return True


def select_tasks(db: Session, round_: Round, config: RoundConfig) -> bool:
    """The picks, remembered with their reasons until they are queued."""
    gate = gate_check.load_result(round_.gate)
    policy = gate_check.applied_policy(config.policy, gate)
    selections = select_sql.select_solutions(db, round_.project_id, _model_of(round_), policy)
    if not selections:
        raise Invalid(
            "No eligible solutions: all are queued, duplicates, or in excluded splits.",
            remedy="Import more solutions or change the policy, then start another round.",
        )
    counts = funnel.count_funnel(db, round_.project_id, _model_of(round_), config.policy.splits)
    reason = gate_check.gate_reason(gate)
    round_.funnel = counts.model_dump(exclude_none=True)
    round_.picks = [[row.solution_id, row.reason() | reason] for row in interleave(selections)]
    return True


def queue_generation(db: Session, round_: Round, config: RoundConfig) -> bool:
    """Create the generation and its tasks in one transaction."""
    if round_.generation_id is not None:
        return True
    project = db.get_one(Project, round_.project_id)
    number = round_.generation = funnel.next_generation_number(db, project.id)
    queued = _queue_selections(db, round_, project, number)
    if not queued:
        raise Conflict(
            "What was selected has been queued by someone else meanwhile.", remedy="Start another round."
        )
    generation = Generation(
        project_id=project.id,
        number=number,
        model_id=_model_of(round_),
        snapshot_id=round_.snapshot_id,
        policy=gate_check.applied_policy_to_json(config, gate_check.load_result(round_.gate)),
        funnel={**(round_.funnel or {}), "selected": len(queued), "by_strategy": dict(Counter(queued))},
    )
    db.add(generation)
    db.flush()
    round_.generation_id, round_.queued = generation.id, len(queued)
    round_.picks = round_.funnel = None
    return True


def _queue_selections(db: Session, round_: Round, project: Project, number: int) -> Sequence[str]:
    """The strategies of what is queued now, or, where the project's generator prepares alternatives
    first, of what will be."""
    if alternative_settings.find_settings(db, project.id) is None:
        return db.execute(INSERT_TASKS, _tasks(project, number, round_.picks or [])).scalars().all()
    picks = [
        alternative_settings.QueuedPick(solution_id, number, number * NEWER_FIRST - place, reason)
        for place, (solution_id, reason) in enumerate(round_.picks or [])
    ]
    run = alternative_settings.start_alternatives(db, project, picks, round_.created_by, round_.id)
    if run is None:
        return []
    among = alternative_settings.list_solution_ids(db, run)
    return [pick.reason["strategy"] for pick in picks if pick.solution_id in among]


def _tasks(project: Project, number: int, picks: list[list]) -> dict[str, object]:
    rows = [
        {"solution_id": solution_id, "priority": number * NEWER_FIRST - place, "reason": reason}
        for place, (solution_id, reason) in enumerate(picks)
    ]
    return {
        "project_id": project.id,
        "number": number,
        **overlap_params(project),
        "picks": orjson.dumps(rows).decode(),
    }


STAGES: dict[str, Callable[[Session, Round, RoundConfig], bool]] = {
    "snapshot": create_snapshot,
    "train": train_model,
    "score": score_pool,
    "validate": validate_model,
    "select": select_tasks,
    "queue": queue_generation,
}
