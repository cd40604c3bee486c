"""Known tasks (gold and screening), how a labeler did on them, and where they stand by that.

A submission runs the same statements whatever the kind of its task; handing out gold runs another
statement than handing out regular work, but as many. The rules that make gold, lift a pause or reset
a screening stand in app/quality."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from sqlalchemy import ARRAY, CheckConstraint, Float, ForeignKey, SmallInteger, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts import audit
from app.core.column_types import Created, Moment
from app.core.db import Base
from app.labeling.models import Assignment
from app.projects.models import Project

UNLIMITED_OVERLAP = 30_000
"""Overlap of a known task: it never runs out."""


class ControlAnswer(Base):
    """What is known of a gold or screening task's steps."""

    __tablename__ = "known_answer"

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    ratings: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """From the first step up to the first negative one, or to the last."""
    source: Mapped[str]
    """adjudicated, or imported."""
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Created]

    __table_args__ = (CheckConstraint("source IN ('adjudicated', 'imported')", name="source"),)


class ControlResult(Base):
    """How one assignment on a known task compares with what is known."""

    __tablename__ = "known_mark"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True
    )
    right: Mapped[bool]
    """The first error is exactly where it is known to be, or there is none on both sides."""
    steps: Mapped[int] = mapped_column(SmallInteger)
    steps_right: Mapped[int] = mapped_column(SmallInteger)
    """Of the known steps, those called wrong, or not wrong, as they are. Not reached is not right."""
    at: Mapped[Created]

    __table_args__ = (CheckConstraint("steps_right BETWEEN 0 AND steps", name="steps"),)


class LabelerStatus(Base):
    """Whether a labeler passed the screening, and whether they are paused."""

    __tablename__ = "standing"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    screened: Mapped[str | None]
    """passed or failed; null while they are at it."""
    screening_score: Mapped[float | None] = mapped_column(Float)
    screened_at: Mapped[Moment | None]
    paused_at: Mapped[Moment | None]
    pause_reason: Mapped[str] = mapped_column(server_default="", default="")
    counted_from: Mapped[Moment | None]
    """Gold before this does not pause again: the moment an admin lifted the last pause."""

    __table_args__ = (CheckConstraint("screened IN ('passed', 'failed')", name="screened"),)


UPSERT_CONTROL_RESULT = text(
    """
    INSERT INTO known_mark (assignment_id, "right", steps, steps_right)
    SELECT a.id, a.finish_reason IN ('solution', 'found_error')
            AND array_position(k.ratings, -1::smallint) IS NOT DISTINCT FROM said.first_error,
        cardinality(k.ratings), said.agreed
    FROM assignment a JOIN known_answer k ON k.task_id = a.task_id
    CROSS JOIN LATERAL (
        SELECT min(l.position + 1) FILTER (WHERE l.rating = -1) AS first_error,
            count(*) FILTER (WHERE (l.rating = -1) = (k.ratings[l.position + 1] = -1)) AS agreed
        FROM own_step_label l WHERE l.assignment_id = a.id
    ) said
    WHERE a.id = :assignment
    ON CONFLICT (assignment_id) DO UPDATE SET "right" = excluded."right", steps = excluded.steps,
        steps_right = excluded.steps_right, at = now()
    """
)

UPSERT_SCREENING_RESULT = text(
    """
    INSERT INTO standing (project_id, user_id, screened, screening_score, screened_at)
    SELECT :project, :user, CASE WHEN share >= :mark THEN 'passed' ELSE 'failed' END, share, now()
    FROM (
        SELECT avg(m."right"::int) AS share, count(*) AS asked, count(m.assignment_id) AS done
        FROM task t JOIN known_answer k ON k.task_id = t.id
        LEFT JOIN assignment a ON a.task_id = t.id AND a.user_id = :user AND a.state = 'submitted'
        LEFT JOIN known_mark m ON m.assignment_id = a.id
        WHERE t.project_id = :project AND t.kind = 'screening' AND t.withdrawn_at IS NULL
    ) s WHERE done = asked AND asked > 0
    ON CONFLICT (project_id, user_id) DO UPDATE SET screened = excluded.screened,
        screening_score = excluded.screening_score, screened_at = excluded.screened_at
    WHERE standing.screened IS NULL
    RETURNING screened, screening_score
    """
)

PAUSE_LABELER = text(
    """
    INSERT INTO standing (project_id, user_id, paused_at, pause_reason)
    SELECT :project, :user, now(), format(
        'Of your last %s control solutions, %s agreed with the known answer; this project asks for %s %%.',
        count(*), count(*) FILTER (WHERE "right"), round(cast(:mark AS numeric) * 100))
    FROM (
        SELECT m."right" FROM known_mark m JOIN assignment a ON a.id = m.assignment_id
        JOIN task t ON t.id = a.task_id
        WHERE a.project_id = :project AND a.user_id = :user AND t.kind = 'gold' AND a.state = 'submitted'
          AND m.at > coalesce((SELECT counted_from FROM standing
                               WHERE project_id = :project AND user_id = :user), '-infinity')
        ORDER BY m.at DESC, a.id DESC LIMIT :window
    ) last
    HAVING count(*) = :window AND avg("right"::int) < :mark
    ON CONFLICT (project_id, user_id) DO UPDATE SET paused_at = excluded.paused_at,
        pause_reason = excluded.pause_reason
    WHERE standing.paused_at IS NULL
    RETURNING pause_reason
    """
)

SELECT_LABELER_STATUS = text(
    """
    SELECT s.paused_at IS NOT NULL AS paused, s.pause_reason, s.screened, s.screening_score,
        EXISTS (SELECT 1 FROM task t JOIN known_answer k ON k.task_id = t.id
                WHERE t.project_id = :project AND t.kind = 'screening' AND t.withdrawn_at IS NULL) AS screens
    FROM (SELECT 1) one LEFT JOIN standing s ON s.project_id = :project AND s.user_id = :user
    """
)

LABEL_GENERATION = """CASE WHEN t.kind = 'gold' AND a.origin IS NULL THEN coalesce(
        (SELECT max(g.number) FROM generation g
         WHERE g.project_id = a.project_id AND g.created_at <= a.created_at), t.generation)
    ELSE t.generation END"""
"""Of an assignment a on a task t. Gold is reserved in each generation (PRM800K's README): one gold task
is handed out through all of them, and belongs to the one that was current then. What was imported says
its own. By name: generations stand above labeling."""


def record_control_result(db: Session, project: Project, assignment: Assignment) -> None:
    """After a submission, of whatever kind: mark it if its answer is known, and see where its
    labeler stands by that."""
    if not has_quality_control(project) or assignment.shown.get("feedback"):
        return  # judged again by someone who was told: the first time counts
    db.execute(UPSERT_CONTROL_RESULT, {"assignment": assignment.id})
    who = {"project": project.id, "user": assignment.user_id}
    screened = db.execute(UPSERT_SCREENING_RESULT, {**who, "mark": project.screening_mark}).one_or_none()
    if screened is not None:
        found = {"user_id": assignment.user_id, "score": screened.screening_score}
        audit.record_event(
            db, None, f"screening.{screened.screened}", project.name, found, project_id=project.id
        )
    paused = db.execute(
        PAUSE_LABELER, {**who, "mark": project.gold_mark, "window": project.gold_window}
    ).one_or_none()
    if paused is not None:
        found = {"user_id": assignment.user_id, "reason": paused.pause_reason}
        audit.record_event(db, None, "labeler.pause", project.name, found, project_id=project.id)


def has_quality_control(project: Project) -> bool:
    return project.gold_rate > 0 or project.screening_mark > 0


class BlockReason(NamedTuple):
    code: str
    message: str
    action: str


def find_block_reason(db: Session, project: Project, user_id: int) -> BlockReason | None:
    """Why this labeler gets no task now, and what to do; None if they may work."""
    if not has_quality_control(project):
        return None
    row = db.execute(SELECT_LABELER_STATUS, {"project": project.id, "user": user_id}).one()
    if row.paused:
        return BlockReason(
            "paused",
            row.pause_reason,
            "Your work is kept. Read the instructions again and ask an admin of the project.",
        )
    if project.screening_mark > 0 and row.screens and row.screened == "failed":
        return BlockReason(
            "screening_failed",
            f"You agreed with the known answer on {row.screening_score:.0%} of the first solutions; "
            f"this project asks for {project.screening_mark:.0%}.",
            "It happens. An admin of the project can talk it through with you and let you try again.",
        )
    return None


def is_in_screening(db: Session, project: Project, user_id: int) -> bool:
    """Whether they get screening tasks and nothing else."""
    if not has_quality_control(project):
        return False
    row = db.execute(SELECT_LABELER_STATUS, {"project": project.id, "user": user_id}).one()
    return bool(project.screening_mark > 0 and row.screens and row.screened != "passed")


def choose_task_kinds(db: Session, project: Project, user_id: int) -> tuple[str, ...]:
    """What to hand out now, in order of preference: the screening alone until it is passed; after
    it, at the project's rate, gold before regular work."""
    if not has_quality_control(project):
        return ("regular",)
    if is_in_screening(db, project, user_id):
        return ("screening",)
    drawn = secrets.randbelow(1_000_000) < project.gold_rate * 1_000_000
    return ("gold", "regular") if drawn else ("regular",)
