"""Creation of control tasks (gold and screening) from adjudicated solutions or imported human labels,
such as ProcessBench. Solutions of test problems are never used; a guard of the queue refuses them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Invalid
from app.labeling.control_tasks import UNLIMITED_OVERLAP
from app.labeling.models import ControlAnswer, Task
from app.problems.models import Solution
from app.projects.models import Project

SCREENING_GENERATION = -1
MAX_TASKS = 2_000

SELECT_ANSWERED = text(
    """
    SELECT s.id, coalesce(a.ratings, o.ratings, CASE
            WHEN o.first_error = -1 THEN array_fill(1::smallint, ARRAY[cardinality(s.steps)])
            ELSE array_fill(1::smallint, ARRAY[o.first_error]) || -1::smallint END) AS ratings,
        CASE WHEN a.id IS NULL THEN 'imported' ELSE 'adjudicated' END AS source
    FROM solution s JOIN problem p ON p.id = s.problem_id
    LEFT JOIN adjudication a ON a.solution_id = s.id
    LEFT JOIN LATERAL (SELECT first_error, ratings FROM external_label
        WHERE solution_id = s.id AND (first_error IS NOT NULL OR ratings IS NOT NULL)
        ORDER BY source LIMIT 1) o ON true
    WHERE s.project_id = :project AND p.split <> 'test'
      AND (a.id IS NOT NULL OR o.first_error IS NOT NULL OR o.ratings IS NOT NULL)
      AND (CAST(:solution AS bigint) IS NULL OR s.id = :solution)
      AND NOT EXISTS (SELECT 1 FROM task t JOIN control_answer k ON k.task_id = t.id
                      WHERE t.solution_id = s.id AND t.withdrawn_at IS NULL)
    ORDER BY hashint8extended(s.id, 20260412) LIMIT :most
    """
)
COUNT_TASKS = text(
    """
    SELECT t.kind, k.source, count(*) AS tasks FROM task t JOIN control_answer k ON k.task_id = t.id
    WHERE t.project_id = :project AND t.withdrawn_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
    """
)


def create_control_tasks(
    db: Session,
    project: Project,
    actor: User | None,
    kind: str,
    count: int = 1,
    solution_id: int | None = None,
) -> int:
    """Create control tasks of `kind` (gold or screening) from one solution, or from `count` random
    solutions with known ratings that are not control tasks yet. Return the number created."""
    if kind not in ("gold", "screening") or not 1 <= count <= MAX_TASKS:
        raise Invalid(
            f"Create 1 to {MAX_TASKS:,} control tasks at a time, of kind gold or screening.",
            remedy="Correct the form.",
        )
    parameters = {"project": project.id, "solution": solution_id, "most": count}
    rows = db.execute(SELECT_ANSWERED, parameters).all()
    if not rows:
        raise Invalid(
            "No unused solution with known ratings.",
            remedy="Adjudicate solutions, or import solutions with human labels.",
        )
    for row in rows:
        _task(db, project, row.id, kind, up_to_first_error(list(row.ratings)), row.source, actor)
    audit.record_event(db, actor, f"{kind}.make", project.name, {"tasks": len(rows)}, project_id=project.id)
    return len(rows)


def count_available(db: Session, project: Project) -> int:
    """Number of solutions that could become control tasks, up to MAX_TASKS."""
    parameters = {"project": project.id, "solution": None, "most": MAX_TASKS}
    return len(db.execute(SELECT_ANSWERED, parameters).all())


def _task(
    db: Session, project: Project, solution_id: int, kind: str, ratings: list[int], source: str,
    actor: User | None,
) -> None:  # fmt: skip
    generation = SCREENING_GENERATION if kind == "screening" else 0
    values = {"solution_id": solution_id, "kind": kind, "generation": generation}
    task = db.query(Task).filter_by(**values).one_or_none() or Task(
        project_id=project.id, reason={"strategy": kind}, **values
    )
    task.overlap, task.withdrawn_at = UNLIMITED_OVERLAP, None
    db.add(task)
    db.flush()
    db.merge(
        ControlAnswer(task_id=task.id, ratings=ratings, source=source, created_by=actor.id if actor else None)
    )
    db.flush()


def up_to_first_error(ratings: list[int]) -> list[int]:
    """Ratings up to and including the first negative one."""
    return ratings[: ratings.index(-1) + 1] if -1 in ratings else ratings


def count_tasks(db: Session, project_id: int) -> dict[str, int]:
    counts: dict[str, int] = {"gold": 0, "screening": 0}
    for row in db.execute(COUNT_TASKS, {"project": project_id}):
        counts[row.kind] = counts.get(row.kind, 0) + row.tasks
    return counts


def find_control_kind(db: Session, solution: Solution) -> str | None:
    """gold or screening if the solution is a control task, or else None."""
    query = text(
        "SELECT t.kind FROM task t JOIN control_answer k ON k.task_id = t.id"
        " WHERE t.solution_id = :solution AND t.withdrawn_at IS NULL LIMIT 1"
    )
    return db.scalar(query, {"solution": solution.id})
