"""The process that scores: `python -m app.scoring.process RUN_ID FENCE`. Several may work on one run.

A shard is one transaction: taken with SKIP LOCKED, scored, written, marked done. Killed at any
point it is either wholly there or not at all, and another process takes it. Three shards are on
their way at once, so that the model does not wait for the database: one is read, one computed, one
written."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import models as _accounts  # noqa: F401  a foreign key names its table
from app.core.db import session_factory, transaction
from app.core.run_lifecycle import lock_attempt, record_success
from app.core.run_models import Run
from app.core.subprocess_jobs import STOPPED
from app.prm.config import ScoreConfig
from app.problems.models import Problem, Solution
from app.problems.step_kinds import select_rated
from app.projects import models as _projects  # noqa: F401  likewise
from app.scoring import runs as _runs  # noqa: F401  the kind of this run
from app.scoring.models import Score, ScoringRun, ScoringShard
from app.settings import settings
from app.training.models import Model


def main(run_id: int, fence: int) -> int:
    stop_requested = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())
    from app.prm.predict import Scorer

    with transaction() as db:
        run = db.get_one(ScoringRun, run_id)
        config = ScoreConfig.parse(run.config)
        folder: Path = settings().models_dir / db.get_one(Model, run.model_id).path
    scorer = Scorer(folder, config)
    score_shards(run, fence, scorer, config, stop_requested)
    if stop_requested.is_set():
        return STOPPED
    with transaction() as db:
        finish_run(db, run_id, fence)
    return 0


@dataclass
class ShardInProgress:
    """A shard in progress. Its transaction holds the lock of the shard."""

    db: Session
    shard: ScoringShard
    rows: Sequence[Any]


def score_shards(
    run: ScoringRun, fence: int, scorer: Any, config: ScoreConfig, stop_requested: Event
) -> None:
    """Shard after shard, until there is none, the run is over, or this process is asked to end."""
    begun, scored_count = time.monotonic(), 0
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        coming = reader.submit(fetch_shard, run, fence, config)
        writing: Future[None] | None = None
        while (taken := coming.result()) is not None:
            if stop_requested.is_set():
                taken.db.close()
                break
            coming = reader.submit(fetch_shard, run, fence, config)
            scorer.computed = scorer.distinct = 0
            try:
                scores = scorer.score([(row.statement, row.steps) for row in taken.rows])
            except BaseException:
                taken.db.close()
                if (other := coming.result()) is not None:
                    other.db.close()
                raise
            scored_count += taken.shard.solutions
            if writing is not None:
                writing.result()
            per_second = scored_count / (time.monotonic() - begun)
            writing = writer.submit(
                store_shard, run, fence, taken, scores, config, per_second, throughput_stats(scorer)
            )
        if writing is not None:
            writing.result()


def throughput_stats(scorer: Any) -> dict[str, Any]:
    """Of the last shard: tokens computed, and those of its prefix tree, the least possible."""
    return {
        "tokens": {"computed": scorer.computed, "distinct": scorer.distinct},
        **({"notes": list(scorer.notes)} if scorer.notes else {}),
    }


def fetch_shard(run: ScoringRun, fence: int, config: ScoreConfig) -> ShardInProgress | None:
    """The next shard and its solutions, in a transaction that stays open."""
    db = session_factory()()
    try:
        shard = lock_next_shard(db, run.id, fence)
        if shard is not None:
            return ShardInProgress(db, shard, load_solutions(db, run, shard, config))
    except BaseException:
        db.close()
        raise
    db.close()
    return None


def store_shard(
    run: ScoringRun,
    fence: int,
    taken: ShardInProgress,
    scores: Sequence[Any],
    config: ScoreConfig,
    per_second: float,
    spoken: dict[str, Any],
) -> None:
    with taken.db as db:
        too_long = write_scores(db, run, taken.rows, scores, config)
        if mark_shard_done(db, run.id, fence, taken.shard, too_long, per_second, spoken):
            db.commit()


def lock_next_shard(db: Session, run_id: int, fence: int) -> ScoringShard | None:
    """The next free shard. None if there is none, or if the run has finished."""
    attempt = select(Run.id).where(Run.id == run_id, Run.state == "running", Run.fence == fence)
    if db.scalar(attempt) is None:
        return None
    return db.scalar(
        select(ScoringShard)
        .where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None))
        .order_by(ScoringShard.first_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def load_solutions(db: Session, run: ScoringRun, shard: ScoringShard, config: ScoreConfig) -> Sequence[Any]:
    return db.execute(
        select(Solution.id, Solution.problem_id, Problem.statement, Solution.steps, Solution.step_kinds)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.project_id == run.project_id, Problem.split.in_(config.splits))
        .where(Solution.id.between(shard.first_id, shard.last_id))
        .order_by(Solution.id)
    ).all()


def write_scores(
    db: Session, run: ScoringRun, rows: Sequence[Any], scores: Sequence[Any], config: ScoreConfig
) -> int:
    """Write the scores; how many solutions were too long for the model."""
    score_rows = [
        {
            "model_id": run.model_id,
            "solution_id": row.id,
            "problem_id": row.problem_id,
            "log_score": compute_log_score(score, row.step_kinds, config),
            "step_probs": score.step_probs,
        }
        for row, score in zip(rows, scores, strict=True)
        if score is not None
    ]
    if score_rows:
        statement = insert(Score)
        changed = {name: statement.excluded[name] for name in ("log_score", "step_probs")}
        key = ["model_id", "solution_id"]
        db.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), score_rows)
    return len(rows) - len(score_rows)


def compute_log_score(scores: Any, kinds: list[int] | None, config: ScoreConfig) -> float:
    """The solution score over the steps that are rated."""
    if kinds is None:
        return float(scores.log_score)
    from app.prm.predict import log_solution_score

    rated = select_rated(scores.step_probs, kinds)
    return log_solution_score(rated, config.aggregate, config.neutral_is_positive)


def mark_shard_done(
    db: Session,
    run_id: int,
    fence: int,
    shard: ScoringShard,
    too_long: int,
    per_second: float,
    spoken: dict[str, Any],
) -> bool:
    """Mark the shard done and report progress. False when the attempt does not count any more."""
    run = lock_attempt(db, run_id, fence, ScoringRun)
    if run is None:
        return False
    shard.done_at = run.heartbeat_at = db.scalar(text("SELECT clock_timestamp()"))
    before = run.progress.get("tokens", {})
    spoken["tokens"] = {name: before.get(name, 0) + count for name, count in spoken["tokens"].items()}
    run.done += shard.solutions
    run.progress = {
        **run.progress,
        "too_long": run.progress.get("too_long", 0) + too_long,
        "solutions_per_s": round(per_second, 1),
        "seconds_left": round((run.total - run.done) / max(per_second, 1e-9)),
        **spoken,
    }
    return True


def finish_run(db: Session, run_id: int, fence: int) -> None:
    """The run succeeds when every shard is done. The process with the last shard records it."""
    left = select(ScoringShard).where(ScoringShard.scoring_run_id == run_id, ScoringShard.done_at.is_(None))
    if lock_attempt(db, run_id, fence, Run) is not None and db.scalar(left.limit(1)) is None:
        record_success(db, run_id, fence)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
