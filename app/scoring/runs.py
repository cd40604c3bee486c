"""Scoring runs: a model over a project's pool, cut into shards that any process takes. The life of a run
is app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.core.errors import Invalid, NotFound
from app.core.jobs import enqueue
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run
from app.prm.config import ScoreConfig
from app.scoring.models import ScoringRun, ScoringShard
from app.training.models import Model

SHARD = 250
"""Solutions a shard: a few seconds of work, all of it done again when its process dies."""
HELPERS, SHARDS_EACH = 7, 4

INSERT_SHARDS = text(
    """INSERT INTO scoring_shard (scoring_run_id, first_id, last_id, solutions)
       SELECT :run_id, min(id), max(id), count(*)
       FROM (SELECT s.id, (row_number() OVER (ORDER BY s.id) - 1) / :size AS shard
             FROM solution s JOIN problem p ON p.id = s.problem_id
             WHERE s.project_id = :project_id AND p.split = ANY(:splits)) numbered
       GROUP BY shard RETURNING solutions"""
)


class ScoringKind(RunKind[ScoringRun]):
    name = "scoring"
    label = "Scoring"
    noun = "scoring"
    table = ScoringRun
    process = "app.scoring.process"
    executor = "app.scoring.launcher:run"
    queue = "scoring"

    def validate(self, db: Session, run: ScoringRun) -> None:
        model = db.get(Model, run.model_id)
        if model is None or model.project_id != run.project_id:
            raise NotFound(f"This project has no model {run.model_id}.")
        run.config = parse_config(ScoreConfig, run.config).to_json()

    def on_create(self, db: Session, run: ScoringRun) -> None:
        splits = list(run.config["splits"])
        values = {"run_id": run.id, "size": SHARD, "project_id": run.project_id, "splits": splits}
        run.total = sum(db.execute(INSERT_SHARDS, values).scalars())
        if not run.total:
            raise Invalid("There are no solutions to score.", remedy="Import some first.")

    def on_finish(self, db: Session, run: ScoringRun) -> None:
        """Compute the histogram of the pool page in advance."""
        if run.state == "succeeded":
            enqueue(db, "explorer.count", once=f"explorer.count-{run.model_id}", model_id=run.model_id)


KIND = register(ScoringKind())


def start(
    db: Session,
    project_id: int,
    model_id: int,
    config: dict[str, Any],
    user_id: int | None = None,
    parent_id: int | None = None,
) -> ScoringRun:
    """A queued run of the model over the project's solutions, those it scored before included."""
    run = ScoringRun(project_id=project_id, model_id=model_id, config=config)
    run.created_by, run.parent_id = user_id, parent_id
    return create_run(db, run)


def call_for_help(db: Session, run_id: int) -> None:
    """Enqueue a job for a few workers on other machines. A job without work ends at once."""
    query = select(func.count()).select_from(ScoringShard)
    left = db.scalar(query.where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None)))
    for number in range(min(HELPERS, (left or 0) // SHARDS_EACH)):
        enqueue(db, "scoring.join", on="scoring", once=f"scoring-{run_id}-help-{number}", run_id=run_id)
