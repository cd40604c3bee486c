"""Control tasks (gold and screening): results of submissions, and the labeler status that follows.

A submission runs the same statements for every kind of task. Creating control tasks, unpausing and
resetting a screening are in app/quality."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.labeling.models import Assignment
from app.projects.models import Project

UNLIMITED_OVERLAP = 30_000
"""Overlap of a control task: every labeler may get it."""

UPSERT_CONTROL_RESULT = text(
    """
    INSERT INTO control_result (assignment_id, correct, steps, correct_steps)
    SELECT a.id, a.finish_reason IN ('solution', 'found_error')
            AND array_position(k.ratings, -1::smallint) IS NOT DISTINCT FROM label.first_error,
        cardinality(k.ratings), label.correct_steps
    FROM assignment a JOIN control_answer k ON k.task_id = a.task_id
    CROSS JOIN LATERAL (
        SELECT min(l.position + 1) FILTER (WHERE l.rating = -1) AS first_error,
            count(*) FILTER (WHERE (l.rating = -1) = (k.ratings[l.position + 1] = -1)) AS correct_steps
        FROM solution_step_label l WHERE l.assignment_id = a.id
    ) label
    WHERE a.id = :assignment
    ON CONFLICT (assignment_id) DO UPDATE SET correct = excluded.correct, steps = excluded.steps,
        correct_steps = excluded.correct_steps, created_at = now()
    """
)

UPSERT_SCREENING_RESULT = text(
    """
    INSERT INTO labeler_status (project_id, user_id, screening_result, screening_score, screened_at)
    SELECT :project, :user, CASE WHEN score >= :threshold THEN 'passed' ELSE 'failed' END, score, now()
    FROM (
        SELECT avg(r.correct::int) AS score, count(*) AS tasks, count(r.assignment_id) AS done
        FROM task t JOIN control_answer k ON k.task_id = t.id
        LEFT JOIN assignment a ON a.task_id = t.id AND a.user_id = :user AND a.state = 'submitted'
        LEFT JOIN control_result r ON r.assignment_id = a.id
        WHERE t.project_id = :project AND t.kind = 'screening' AND t.withdrawn_at IS NULL
    ) s WHERE done = tasks AND tasks > 0
    ON CONFLICT (project_id, user_id) DO UPDATE SET screening_result = excluded.screening_result,
        screening_score = excluded.screening_score, screened_at = excluded.screened_at
    WHERE labeler_status.screening_result IS NULL
    RETURNING screening_result, screening_score
    """
)

PAUSE_LABELER = text(
    """
    INSERT INTO labeler_status (project_id, user_id, paused_at, pause_reason)
    SELECT :project, :user, now(), format(
        '%s of your last %s gold tasks were correct; %s%% is required.',
        count(*) FILTER (WHERE correct), count(*), round(cast(:threshold AS numeric) * 100))
    FROM (
        SELECT r.correct FROM control_result r JOIN assignment a ON a.id = r.assignment_id
        JOIN task t ON t.id = a.task_id
        WHERE a.project_id = :project AND a.user_id = :user AND t.kind = 'gold' AND a.state = 'submitted'
          AND r.created_at > coalesce((SELECT gold_counted_from FROM labeler_status
                                       WHERE project_id = :project AND user_id = :user), '-infinity')
        ORDER BY r.created_at DESC, a.id DESC LIMIT :window
    ) last
    HAVING count(*) = :window AND avg(correct::int) < :threshold
    ON CONFLICT (project_id, user_id) DO UPDATE SET paused_at = excluded.paused_at,
        pause_reason = excluded.pause_reason
    WHERE labeler_status.paused_at IS NULL
    RETURNING pause_reason
    """
)

SELECT_LABELER_STATUS = text(
    """
    SELECT s.paused_at IS NOT NULL AS paused, s.pause_reason, s.screening_result, s.screening_score,
        EXISTS (SELECT 1 FROM task t JOIN control_answer k ON k.task_id = t.id
                WHERE t.project_id = :project AND t.kind = 'screening' AND t.withdrawn_at IS NULL
        ) AS has_screening
    FROM (SELECT 1) project
    LEFT JOIN labeler_status s ON s.project_id = :project AND s.user_id = :user
    """
)

LABEL_GENERATION = """CASE WHEN t.kind = 'gold' AND a.import_origin IS NULL THEN coalesce(
        (SELECT max(g.number) FROM generation_start g
         WHERE g.project_id = a.project_id AND g.created_at <= a.created_at), t.generation)
    ELSE t.generation END"""
"""SQL: the generation of assignment `a` on task `t`. A gold task is handed out through all generations
and belongs to the one that was current at the time (PRM800K's README reserves gold in each
generation). An imported submission names its own."""


def record_control_result(db: Session, project: Project, assignment: Assignment) -> None:
    """After a submission of any kind: record the result if the task is a control task, and update the
    labeler's status."""
    if not has_quality_control(project) or assignment.gold_feedback:
        return  # submitted again after the feedback: the first result counts
    db.execute(UPSERT_CONTROL_RESULT, {"assignment": assignment.id})
    labeler = {"project": project.id, "user": assignment.user_id}
    screening = db.execute(
        UPSERT_SCREENING_RESULT, {**labeler, "threshold": project.screening_threshold}
    ).one_or_none()
    if screening is not None:
        detail = {"user_id": assignment.user_id, "score": screening.screening_score}
        action = f"screening.{screening.screening_result}"
        audit.record_event(db, None, action, project.name, detail, project_id=project.id)
    pause = db.execute(
        PAUSE_LABELER,
        {**labeler, "threshold": project.gold_threshold, "window": project.gold_window},
    ).one_or_none()
    if pause is not None:
        detail = {"user_id": assignment.user_id, "reason": pause.pause_reason}
        audit.record_event(db, None, "labeler.pause", project.name, detail, project_id=project.id)


def has_quality_control(project: Project) -> bool:
    return project.gold_rate > 0 or project.screening_threshold > 0


class BlockReason(NamedTuple):
    code: str
    message: str
    action: str


def find_block_reason(db: Session, project: Project, user_id: int) -> BlockReason | None:
    """Why this labeler gets no task now, and what to do; None if they may work."""
    if not has_quality_control(project):
        return None
    status = _load_status(db, project, user_id)
    if status.paused:
        return BlockReason(
            "paused",
            status.pause_reason,
            "Your work is saved. Read the instructions again and ask a project admin.",
        )
    if _requires_screening(project, status) and status.screening_result == "failed":
        return BlockReason(
            "screening_failed",
            f"You scored {status.screening_score:.0%} in screening; "
            f"{project.screening_threshold:.0%} is required.",
            "A project admin can let you retry.",
        )
    return None


def is_in_screening(db: Session, project: Project, user_id: int) -> bool:
    """Whether they only get screening tasks."""
    if not has_quality_control(project):
        return False
    status = _load_status(db, project, user_id)
    return _requires_screening(project, status) and status.screening_result != "passed"


def choose_task_kinds(db: Session, project: Project, user_id: int) -> tuple[str, ...]:
    """The kinds of task to hand out now, in order of preference: only screening until it is passed;
    after that, at the project's gold rate, gold before regular tasks."""
    if not has_quality_control(project):
        return ("regular",)
    if is_in_screening(db, project, user_id):
        return ("screening",)
    draws_gold = secrets.randbelow(1_000_000) < project.gold_rate * 1_000_000
    return ("gold", "regular") if draws_gold else ("regular",)


def _load_status(db: Session, project: Project, user_id: int) -> Any:
    return db.execute(SELECT_LABELER_STATUS, {"project": project.id, "user": user_id}).one()


def _requires_screening(project: Project, status: Any) -> bool:
    return project.screening_threshold > 0 and bool(status.has_screening)
