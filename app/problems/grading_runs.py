"""Runs that grade all solutions of a project again: after a new version of the grader, or where another
source of verdicts is to count."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core import run_lifecycle
from app.core.errors import Conflict, Invalid
from app.core.run_kinds import RunKind, register
from app.problems.grading import GRADER_VERSION, SOURCE
from app.problems.models import GradingRun
from app.projects.models import Project

VERDICT_SOURCES = {"grader": "The grader's verdict", "file": "The verdict of the file"}
COUNT_OUTDATED = text(
    """
    SELECT count(*) FROM verdict v JOIN solution s ON s.id = v.solution_id
    WHERE s.project_id = :project_id AND v.source = :source AND v.version <> :version
    """
)
SELECT_ACTIVE = text(
    "SELECT EXISTS (SELECT FROM run WHERE project_id = :project_id AND kind = 'grading'"
    " AND state IN ('queued', 'running'))"
)


class GradingKind(RunKind[GradingRun]):
    name = "grading"
    label = "Grading"
    noun = "grading run"
    table = GradingRun
    executor = "app.problems.grading_job:run"
    role = "admin"
    in_worker = True

    def job_lock(self, run: GradingRun) -> str:
        return f"grading-{run.project_id}"

    def validate(self, db: Session, run: GradingRun) -> None:
        if db.scalar(SELECT_ACTIVE, {"project_id": run.project_id}):
            raise Conflict(
                "The solutions are being graded already.", remedy="Wait for that run, or cancel it."
            )


KIND = register(GradingKind())


def start_grading(
    db: Session,
    project: Project,
    user: User | None,
    verdict_source: str | None = None,
    *,
    enqueue: bool = True,
) -> GradingRun:
    """Grade every solution again. `verdict_source` changes whose verdict counts; None keeps it."""
    chosen = verdict_source or project.verdict_source
    if chosen not in VERDICT_SOURCES:
        raise Invalid(
            f"Unknown source of verdicts {chosen[:40]!r}.", remedy=f"Use {' or '.join(VERDICT_SOURCES)}."
        )
    run = GradingRun(
        project_id=project.id,
        verdict_source=chosen,
        grader_version=GRADER_VERSION,
        created_by=user.id if user else None,
    )
    run_lifecycle.create_run(db, run, enqueue=enqueue)
    if chosen != project.verdict_source:
        detail = {"before": project.verdict_source, "after": chosen}
        audit.record_event(db, user, "project.verdict_source", project.slug, detail, project_id=project.id)
        project.verdict_source = chosen
    return run


def count_outdated(db: Session, project_id: int) -> int:
    """Solutions whose verdict is by another version of the grader."""
    values = {"project_id": project_id, "source": SOURCE, "version": GRADER_VERSION}
    return db.scalar(COUNT_OUTDATED, values) or 0
