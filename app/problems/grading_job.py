"""The work of a grading run: batch by batch, each in a transaction that also moves the run on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, text

from app.answers.grade import grade
from app.answers.prover_process import ProverProcess
from app.core import run_lifecycle, run_worker
from app.core.db import transaction
from app.core.jobs import stop_requested
from app.problems.grading import BATCH, GRADER_VERSION, SOURCE, store_verdicts
from app.problems.models import GradingRun

SELECT_BATCH = text(
    """
    SELECT s.id, p.reference_answer, s.final_answer, s.verdict,
        CASE WHEN v.version = :version THEN v.verdict END AS graded
    FROM solution s JOIN problem p ON p.id = s.problem_id
    LEFT JOIN verdict v ON v.solution_id = s.id AND v.source = :source
    WHERE s.project_id = :project AND s.id > :after AND p.reference_answer IS NOT NULL
    ORDER BY s.id LIMIT :limit
    """
)
COUNT_SOLUTIONS = text(
    """
    SELECT count(*) FROM solution s JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project AND p.reference_answer IS NOT NULL
    """
)
UNGRADED = "ungraded"


def run(kind: run_worker.RunKind[GradingRun], run_id: int) -> None:
    run_worker.run_in_worker(kind, run_id, grade_project)


def grade_project(run: GradingRun, progress: Callable[[int], None] | None = None) -> None:
    """Grade what is left of the project: verdicts of this version of the grader are not computed again."""
    with transaction() as db:
        total = db.scalar(COUNT_SOLUTIONS, {"project": run.project_id}) or 0
    state: dict[str, Any] = {"phase": "grading", "done": 0, "after": 0, "changes": {}, **run.progress}
    state["total"], state["phase"] = total, "grading"
    with ProverProcess() as prover:
        while rows := _load_batch(run.project_id, state["after"]):
            verdicts = [row.graded or grade(row.reference_answer, row.final_answer, prover) for row in rows]
            state = _store_batch(run, rows, verdicts, state)
            if progress:
                progress(state["done"])
            if stop_requested.is_set():
                raise run_worker.Stopped
    changes: dict[str, int] = state["changes"]
    results = {"graded": state["done"], "changed": sum(changes.values()), "changes": changes}
    with transaction() as db:
        run_lifecycle.record_success(db, run.id, run.fence, results)


def _load_batch(project_id: int, after: int) -> Sequence[Row[Any]]:
    values = {"project": project_id, "after": after, "limit": BATCH, "source": SOURCE}
    with transaction() as db:
        return db.execute(SELECT_BATCH, {**values, "version": GRADER_VERSION}).all()


def _store_batch(
    run: GradingRun, rows: Sequence[Row[Any]], verdicts: list[str], state: dict[str, Any]
) -> dict[str, Any]:
    """Store the verdicts of a batch. Returns the progress of the run behind it."""
    before = {row.id: row.verdict or UNGRADED for row in rows}
    with transaction() as db:
        row = run_worker.require_attempt(db, run, GradingRun)
        after = store_verdicts(db, [r.id for r in rows], verdicts, [r.reference_answer for r in rows])
        changes = Counter(state["changes"])
        changes.update(
            f"{before[key]} to {verdict}" for key, verdict in after.items() if verdict != before[key]
        )
        state = {**state, "done": state["done"] + len(rows), "after": rows[-1].id, "changes": dict(changes)}
        row.progress, row.heartbeat_at = state, run_lifecycle.now()
    return state
