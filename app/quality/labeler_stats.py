"""Statistics of labelers: amount, pace and results on control tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.display_name import display_name_sql

SELECT_LABELERS = text(
    f"""
    SELECT u.id, {display_name_sql("u")} AS name,
        d.solutions, d.active_ms, d.timed, g.gold, g.gold_correct, g.steps, g.correct_steps,
        s.screening_result, s.screening_score, s.paused_at, s.pause_reason, d.last
    FROM (
        SELECT user_id, count(*) AS solutions, sum(active_time_ms) AS active_ms,
            count(active_time_ms) AS timed, max(submitted_at) AS last
        FROM assignment WHERE project_id = :project AND state = 'submitted' GROUP BY user_id
    ) d JOIN user_account u ON u.id = d.user_id
    LEFT JOIN LATERAL (
        SELECT count(*) AS gold, count(*) FILTER (WHERE m.correct) AS gold_correct,
            sum(m.steps) AS steps, sum(m.correct_steps) AS correct_steps
        FROM control_result m JOIN assignment a ON a.id = m.assignment_id JOIN task t ON t.id = a.task_id
        WHERE a.project_id = :project AND a.user_id = u.id AND t.kind = 'gold' AND a.state = 'submitted'
    ) g ON true
    LEFT JOIN labeler_status s ON s.project_id = :project AND s.user_id = u.id
    WHERE CAST(:user AS bigint) IS NULL OR u.id = :user
    ORDER BY d.solutions DESC, u.id LIMIT 500
    """  # noqa: S608  the name of a person is a constant expression
)
SELECT_CONTROL_RESULTS = text(
    """
    SELECT a.id, a.submitted_at, t.kind, m.correct, m.steps, m.correct_steps, t.solution_id
    FROM control_result m JOIN assignment a ON a.id = m.assignment_id JOIN task t ON t.id = a.task_id
    WHERE a.project_id = :project AND a.state = 'submitted'
      AND (CAST(:user AS bigint) IS NULL OR a.user_id = :user)
    ORDER BY a.submitted_at, a.id
    """
)

SELECT_NEWEST = text(
    """
    SELECT a.id, a.submitted_at, a.finish_reason, a.active_time_ms, a.import_origin IS NULL AS own_work,
        t.solution_id, p.statement, d.id IS NOT NULL AS decided,
        EXISTS (SELECT 1 FROM submission_return r
            WHERE r.assignment_id = a.id AND r.resubmitted_at IS NULL) AS returned
    FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
    JOIN problem p ON p.id = s.problem_id LEFT JOIN adjudication d ON d.solution_id = s.id
    WHERE a.project_id = :project AND a.user_id = :user AND a.state = 'submitted'
    ORDER BY a.submitted_at DESC, a.id DESC LIMIT :most
    """
)
MIN_STEPS = 30
SELECT_LABEL_NOISE = text(
    """
    SELECT coalesce(sum(m.steps), 0) AS steps, coalesce(sum(m.steps - m.correct_steps), 0) AS wrong
    FROM control_result m JOIN assignment a ON a.id = m.assignment_id JOIN task t ON t.id = a.task_id
    WHERE a.project_id = :project AND t.kind = 'gold' AND a.state = 'submitted'
    """
)


@dataclass(frozen=True)
class LabelNoise:
    """Steps of gold tasks, and how many of them labelers rated otherwise."""

    steps: int
    wrong: int

    @property
    def exceeds_warning_level(self) -> bool:
        """In simulation, 5% label noise removed the benefit of selection (docs/evidence.md)."""
        return self.steps >= 100 and self.wrong >= 0.05 * self.steps


def get_label_noise(db: Session, project_id: int) -> LabelNoise:
    return LabelNoise(*db.execute(SELECT_LABEL_NOISE, {"project": project_id}).one())


def list_labelers(db: Session, project_id: int, user_id: int | None = None) -> list[Any]:
    return list(db.execute(SELECT_LABELERS, {"project": project_id, "user": user_id}))


def list_control_results(db: Session, project_id: int, user_id: int | None = None) -> list[Any]:
    return list(db.execute(SELECT_CONTROL_RESULTS, {"project": project_id, "user": user_id}))


def list_newest_submissions(db: Session, project_id: int, user_id: int) -> list[Any]:
    """The newest submissions of a labeler."""
    return list(db.execute(SELECT_NEWEST, {"project": project_id, "user": user_id, "most": MIN_STEPS}))


def rolling_accuracy(marks: list[Any], window: int) -> list[float]:
    """Share of correct gold tasks among the last `window`, after each gold task."""
    right = [int(mark.correct) for mark in marks if mark.kind == "gold"]
    return [sum(right[max(0, end - window) : end]) / min(window, end) for end in range(1, len(right) + 1)]
