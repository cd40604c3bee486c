"""The first queue of a project, made before any model can choose: generation 0."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.jobs import enqueue
from app.labeling.overlap import TASK_OVERLAP, overlap_params
from app.projects.models import Project

SEED = 20260101

RANK_UNQUEUED = """
    WITH free AS (
        SELECT s.id, s.problem_id, hashint8extended(s.id, :seed) AS draw
        FROM solution s JOIN problem p ON p.id = s.problem_id
        WHERE s.project_id = :project AND p.split <> 'test'
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
# by name: generators stand above labeling
HAS_ALTERNATIVE_SETTINGS = text("SELECT EXISTS (SELECT 1 FROM preparation WHERE project_id = :project)")

SELECT_QUEUE_COUNTS = text(
    """
    SELECT
        (SELECT count(*) FROM task WHERE project_id = :project
            AND taken < overlap AND withdrawn_at IS NULL) AS waiting,
        (SELECT count(*) FROM assignment WHERE project_id = :project
            AND state = 'leased' AND lease_expires_at > now()) AS on_a_desk,
        (SELECT count(*) FROM assignment WHERE project_id = :project AND state = 'submitted') AS submitted,
        (SELECT count(*) FROM solution s JOIN problem p ON p.id = s.problem_id
            WHERE s.project_id = :project AND p.split <> 'test'
            AND NOT EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id)) AS not_queued
    """
)


def insert_initial_tasks(db: Session, project: Project, limit: int | None = None) -> int:
    """Queue solutions that were never queued, in a seeded random order, one of each
    problem before a second of any. A test problem's solutions stay out. Returns how many."""
    values = {"project": project.id, **overlap_params(project), "limit": limit, "seed": SEED}
    made = db.execute(INSERT_TASKS, values)
    return int(made.rowcount)  # type: ignore[attr-defined]


def queue_initial_solutions(db: Session, project: Project, limit: int | None = None) -> int | None:
    """The same, or None where the project has a generator prepare alternatives: then a job does that
    first, and each solution is queued as soon as its candidates are there."""
    if not db.scalar(HAS_ALTERNATIVE_SETTINGS, {"project": project.id}):
        return insert_initial_tasks(db, project, limit)
    once = f"queue-first-{project.id}"
    enqueue(db, "generators.queue_first", once=once, project_id=project.id, limit=limit)
    return None


def count_queue(db: Session, project_id: int) -> dict[str, int]:
    """What waits, what is on a desk, what is done, and what could be queued."""
    return dict(db.execute(SELECT_QUEUE_COUNTS, {"project": project_id}).mappings().one())
