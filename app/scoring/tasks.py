"""Jobs of scoring: a helper joins a run."""

from __future__ import annotations

from app.core.jobs import queue
from app.scoring import launcher


@queue.task(name="scoring.join", queue="scoring")
def join(run_id: int) -> None:
    launcher.join(run_id)
