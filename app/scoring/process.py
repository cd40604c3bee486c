"""The process that scores: `python -m app.scoring.process RUN_ID`. Several may work on one run.

A shard is one transaction: taken with SKIP LOCKED, scored, written, marked done. Killed at any
point it is either wholly there or not at all, and another process takes it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import models as _accounts  # noqa: F401  a foreign key names its table
from app.core.db import transaction
from app.prm.config import ScoreConfig
from app.problems.models import Problem, Solution
from app.projects import models as _projects  # noqa: F401  likewise
from app.scoring import runs
from app.scoring.models import Score, ScoringRun, ScoringShard
from app.settings import settings
from app.training.models import Model

asked_to_end = False


def main(run_id: int) -> int:
    def end(*_: object) -> None:
        global asked_to_end
        asked_to_end = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    from app.prm.predict import Scorer

    with transaction() as db:
        run = db.get_one(ScoringRun, run_id)
        config = ScoreConfig.parse(run.config)
        folder: Path = settings().models_dir / db.get_one(Model, run.model_id).path
    scorer = Scorer(folder, config)
    begun, mine = time.monotonic(), 0
    while not asked_to_end:
        with transaction() as db:
            shard = take(db, run_id)
            if shard is None:
                break
            too_long = score(db, run, shard, scorer, config)
            mine += shard.solutions
            note(db, run_id, shard, too_long, mine / (time.monotonic() - begun))
    if asked_to_end:
        return 3
    with transaction() as db:
        finish(db, run_id)
    return 0


def take(db: Session, run_id: int) -> ScoringShard | None:
    """The next shard nobody works on; None when there is none, or the run is over."""
    if db.scalar(select(ScoringRun.state).where(ScoringRun.id == run_id)) != "running":
        return None
    return db.scalar(
        select(ScoringShard)
        .where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None))
        .order_by(ScoringShard.first_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def score(db: Session, run: ScoringRun, shard: ScoringShard, scorer: object, config: ScoreConfig) -> int:
    """Score the shard's solutions; how many were too long for the model."""
    rows = db.execute(
        select(Solution.id, Solution.problem_id, Problem.statement, Solution.steps)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.project_id == run.project_id, Problem.split.in_(config.splits))
        .where(Solution.id.between(shard.first_id, shard.last_id))
        .order_by(Solution.id)
    ).all()
    found = scorer.score([(row.statement, row.steps) for row in rows])  # type: ignore[attr-defined]
    made = [
        {
            "model_id": run.model_id,
            "solution_id": row.id,
            "problem_id": row.problem_id,
            "log_score": one.log_score,
            "step_probs": one.step_probs,
        }
        for row, one in zip(rows, found, strict=True)
        if one is not None
    ]
    if made:
        statement = insert(Score)
        changed = {name: statement.excluded[name] for name in ("log_score", "step_probs")}
        key = ["model_id", "solution_id"]
        db.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), made)
    return len(rows) - len(made)


def note(db: Session, run_id: int, shard: ScoringShard, too_long: int, per_second: float) -> None:
    """Mark the shard done and say how it goes."""
    shard.done_at = db.scalar(text("SELECT clock_timestamp()"))
    run = runs.locked(db, run_id)
    run.done += shard.solutions
    run.progress = {
        **run.progress,
        "too_long": run.progress.get("too_long", 0) + too_long,
        "solutions_per_s": round(per_second, 1),
        "seconds_left": round((run.total - run.done) / max(per_second, 1e-9)),
    }


def finish(db: Session, run_id: int) -> None:
    """Succeeded when every shard is done; shards in other hands are waited for by their process."""
    run = runs.locked(db, run_id)
    left = select(ScoringShard).where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None))
    if run.state == "running" and db.scalar(left.limit(1)) is None:
        run.state, run.error = "succeeded", None
        run.finished_at = db.scalar(text("SELECT now()"))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
