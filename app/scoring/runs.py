"""Scoring runs as rows: a model over a project's pool, cut into shards that any process takes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.prm.config import ScoreConfig
from app.scoring.models import ScoringRun, ScoringShard
from app.training.models import Model

SHARD = 250
"""Solutions a shard: a few seconds of work, all of it done again when its process dies."""
ATTEMPTS = 3
HELPERS, SHARDS_EACH = 7, 4
SILENCE_SECONDS = 90.0

CUT = text(
    """INSERT INTO scoring_shard (scoring_run_id, first_id, last_id, solutions)
       SELECT :run_id, min(id), max(id), count(*)
       FROM (SELECT s.id, (row_number() OVER (ORDER BY s.id) - 1) / :size AS shard
             FROM solution s JOIN problem p ON p.id = s.problem_id
             WHERE s.project_id = :project_id AND p.split = ANY(:splits)) numbered
       GROUP BY shard RETURNING solutions"""
)


def start(db: Session, project_id: int, model_id: int, config: dict[str, Any]) -> ScoringRun:
    """A queued run of the model over the project's solutions, those it scored before included."""
    model = db.get(Model, model_id)
    if model is None or model.project_id != project_id:
        raise NotFound(f"This project has no model {model_id}.")
    parsed = parse_config(ScoreConfig, config)
    made = ScoringRun(project_id=project_id, model_id=model_id, config=parsed.to_json(), state="queued")
    db.add(made)
    db.flush()
    key = {"run_id": made.id, "size": SHARD, "project_id": project_id, "splits": list(parsed.splits)}
    made.total = sum(db.execute(CUT, key).scalars())
    if not made.total:
        raise Invalid("There are no solutions to score.", remedy="Import some first.")
    db.flush()
    kick(db, made.id)
    return made


def kick(db: Session, run_id: int, after_s: float | None = None) -> None:
    enqueue(db, "scoring.run", on="scoring", once=f"scoring-{run_id}", after_s=after_s, scoring_run_id=run_id)


def call_for_help(db: Session, run_id: int) -> None:
    """A job for each of a few workers elsewhere; one that finds nothing to do ends at once."""
    waiting = select(func.count()).select_from(ScoringShard)
    left = (
        db.scalar(waiting.where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None))) or 0
    )
    for number in range(min(HELPERS, left // SHARDS_EACH)):
        enqueue(
            db, "scoring.join", on="scoring", once=f"scoring-{run_id}-help-{number}", scoring_run_id=run_id
        )


def locked(db: Session, run_id: int) -> ScoringRun:
    return db.execute(
        select(ScoringRun).where(ScoringRun.id == run_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).scalar_one()


def cancel(db: Session, run: ScoringRun) -> None:
    """What was scored stays; the rest is not scored."""
    run = locked(db, run.id)
    if run.state not in ("queued", "running"):
        raise Conflict(f"This scoring is {run.state}: there is nothing to cancel.")
    run.state, run.cancel_requested_at = "cancelled", dt.datetime.now(dt.UTC)
    run.finished_at = run.cancel_requested_at
    db.flush()


def begin(db: Session, run_id: int) -> bool:
    """One more attempt at a run that is not over; False when it is."""
    run = locked(db, run_id)
    if run.state not in ("queued", "running"):
        return False
    run.state = "running"
    run.progress = {**run.progress, "attempt": run.progress.get("attempt", 0) + 1}
    db.flush()
    return True


def ended_badly(db: Session, run_id: int, reason: str) -> None:
    """Tried again up to three times in all; shards already done are not done again."""
    run = locked(db, run_id)
    if run.state != "running":
        return
    run.error = reason
    if run.progress.get("attempt", 1) >= ATTEMPTS:
        run.state, run.finished_at = "failed", dt.datetime.now(dt.UTC)
    else:
        run.state = "queued"
        kick(db, run.id, after_s=2)
    db.flush()


def handed_back(db: Session, run_id: int) -> None:
    run = locked(db, run_id)
    if run.state == "running":
        run.state = "queued"
        run.progress = {**run.progress, "attempt": run.progress.get("attempt", 1) - 1}
        kick(db, run.id, after_s=1)


def sweep(db: Session) -> None:
    """Runs that no process has moved for a while (their worker died) are taken up again."""
    forgotten = text(
        """SELECT r.id FROM scoring_run r WHERE r.state = 'running' AND coalesce(
             (SELECT max(done_at) FROM scoring_shard WHERE scoring_run_id = r.id),
             r.created_at) < now() - make_interval(secs => :silence)
           AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.task_name = 'scoring.run'
             AND j.status IN ('todo', 'doing') AND (j.args->>'scoring_run_id')::bigint = r.id)"""
    )
    for run_id in db.scalars(forgotten, {"silence": SILENCE_SECONDS}).all():
        ended_badly(db, run_id, "The scoring process is gone.")
