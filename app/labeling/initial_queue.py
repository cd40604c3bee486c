"""The first queue of a project, before a model can select: generation 0. Also how many labelers each
task gets.

A project gives its overlap to a seeded share of the tasks and one labeler to the rest. That is decided
when a task is queued and never again, so it cannot depend on who has the task. The draw uses the
solution's id, so a solution is drawn the same way in every generation."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.jobs import enqueue
from app.projects.models import Project

SEED = 20260101
DEFAULT_SPLITS = ("train",)
"""Nothing is learned from labels of validation problems, so they are queued on request only."""
OVERLAP_SEED = 20260311

TASK_OVERLAP = f"""(CASE WHEN (hashint8extended(s.id, {OVERLAP_SEED}) & 1048575) < :overlap_share * 1048576
    THEN :overlap ELSE 1 END)"""
"""SQL: the overlap of solution `s`. Binds overlap_params."""

RANK_UNQUEUED = """
    WITH free AS (
        SELECT s.id, s.problem_id, hashint8extended(s.id, :seed) AS draw
        FROM solution s JOIN problem p ON p.id = s.problem_id
        WHERE s.project_id = :project AND p.split = ANY(:splits) AND p.split <> 'test'
          AND NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id)
    ), turns AS (
        SELECT id, draw, row_number() OVER (PARTITION BY problem_id ORDER BY draw, id) AS turn FROM free
    ), ranked AS (
        SELECT id, row_number() OVER (ORDER BY turn, draw, id) AS rank FROM turns
    )
"""
INSERT_TASKS = text(
    f"""{RANK_UNQUEUED}
    INSERT INTO task (project_id, solution_id, generation, priority, overlap, reason)
    SELECT :project, s.id, 0, -rank, {TASK_OVERLAP}, jsonb_build_object('strategy', 'first', 'rank', rank)
    FROM ranked s WHERE cast(:limit AS bigint) IS NULL OR rank <= cast(:limit AS bigint)
    ON CONFLICT DO NOTHING
    """  # noqa: S608  the parts are ours
)
HAS_ALTERNATIVE_SETTINGS = text(
    "SELECT EXISTS (SELECT 1 FROM project_with_alternatives WHERE project_id = :project)"
)

SELECT_QUEUE_COUNTS = text(
    """
    SELECT
        (SELECT count(*) FROM task WHERE project_id = :project
            AND assigned_count < overlap AND withdrawn_at IS NULL) AS waiting,
        (SELECT count(*) FROM assignment WHERE project_id = :project
            AND state = 'leased' AND lease_expires_at > now()) AS in_progress,
        (SELECT count(*) FROM assignment WHERE project_id = :project AND state = 'submitted') AS submitted,
        (SELECT count(*) FROM solution s JOIN problem p ON p.id = s.problem_id
            WHERE s.project_id = :project AND p.split = ANY(:splits)
            AND NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id)) AS unqueued
    """
)


def overlap_params(project: Project) -> dict[str, float]:
    return {"overlap": project.overlap, "overlap_share": project.overlap_share}


def insert_initial_tasks(
    db: Session, project: Project, limit: int | None = None, splits: Sequence[str] = DEFAULT_SPLITS
) -> int:
    """Queue solutions of these splits that were never queued, in a seeded random order, one of each problem
    before a second of any. Solutions of test problems stay out. Returns the number of new tasks."""
    order = {"limit": limit, "seed": SEED, "splits": list(splits)}
    values = {"project": project.id, **overlap_params(project), **order}
    result = db.execute(INSERT_TASKS, values)
    return int(result.rowcount)  # type: ignore[attr-defined]


def queue_initial_solutions(
    db: Session, project: Project, limit: int | None = None, splits: Sequence[str] = DEFAULT_SPLITS
) -> int | None:
    """The same; or None where the project's generator prepares alternatives first. Then a job does
    that and queues each solution when its alternatives are ready."""
    if not db.scalar(HAS_ALTERNATIVE_SETTINGS, {"project": project.id}):
        return insert_initial_tasks(db, project, limit, splits)
    lock = f"queue-first-{project.id}"
    enqueue(db, "generators.queue_first", once=lock, project_id=project.id, limit=limit, splits=list(splits))
    return None


def count_queue(db: Session, project_id: int) -> dict[str, int]:
    """Tasks waiting, assignments in progress and submitted, and train solutions that could be queued."""
    values = {"project": project_id, "splits": list(DEFAULT_SPLITS)}
    return dict(db.execute(SELECT_QUEUE_COUNTS, values).mappings().one())
