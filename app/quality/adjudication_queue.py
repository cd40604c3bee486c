"""The stored queue of adjudication candidates, so that pages need not read all labels.

A trigger adds each solution whose submissions changed to `adjudication_recheck`. Whoever opens the queue
refreshes these solutions first. When the qualified model or its scores change, all labeled solutions are
refreshed: at once if they are few, or else by the worker. A lock per project ensures that an older
refresh never overwrites a newer one; a page that finds it taken shows the stored queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.jobs import enqueue, stop_requested
from app.quality import reviewing_model

JOB = "quality.refresh_candidates"
MIN_CONFIDENCE = 0.9
MAX_INLINE = 300
"""Solutions that a page refreshes within the request."""
CHUNK = 1000
"""Solutions that the worker refreshes in one transaction."""

UPSERT_CANDIDATES = text(
    """
    WITH submission AS (
        SELECT l.solution_id,
            coalesce(min(l.position) FILTER (WHERE l.rating = -1),
                CASE WHEN count(*) = max(l.steps) THEN -1 END) AS first_error,
            bool_or(l.flagged) AS flagged,
            bool_or(c.step_probs[3 * l.position + 1] > :sure AND l.rating >= 0
                 OR c.step_probs[3 * l.position + 1] < 1 - :sure AND l.rating = -1) AS model_disagreement
        FROM solution_step_label l JOIN problem p ON p.id = l.problem_id
        LEFT JOIN score c ON c.solution_id = l.solution_id AND c.model_id = :model
        WHERE l.project_id = :project AND l.state = 'submitted' AND p.split <> 'test'
          AND l.finish_reason IN ('solution', 'found_error')
          AND l.kind <> 'screening' AND l.solution_id = ANY(:solutions)
          AND NOT EXISTS (SELECT 1 FROM adjudication d WHERE d.solution_id = l.solution_id)
          AND NOT EXISTS (SELECT 1 FROM control_answer k WHERE k.task_id = l.task_id)
        GROUP BY l.solution_id, l.assignment_id
    ), solution_reasons AS (
        SELECT solution_id, count(*) AS labelers,
            count(DISTINCT first_error) > 1 AS disagreement,
            coalesce(bool_or(flagged), false) AS flagged,
            coalesce(bool_or(model_disagreement), false) AS model_disagreement
        FROM submission GROUP BY solution_id
    ), candidate AS (
        SELECT * FROM solution_reasons WHERE disagreement OR flagged OR model_disagreement
    ), removed AS (
        DELETE FROM adjudication_candidate w WHERE w.solution_id = ANY(:solutions)
          AND NOT EXISTS (SELECT 1 FROM candidate c WHERE c.solution_id = w.solution_id)
    )
    INSERT INTO adjudication_candidate
        (project_id, solution_id, labelers, disagreement, flagged, model_disagreement)
    SELECT :project, solution_id, labelers, disagreement, flagged, model_disagreement FROM candidate
    ON CONFLICT (solution_id) DO UPDATE SET labelers = excluded.labelers,
        disagreement = excluded.disagreement, flagged = excluded.flagged,
        model_disagreement = excluded.model_disagreement
    """
)
SELECT_CHANGED = text(
    "DELETE FROM adjudication_recheck WHERE id IN (SELECT id FROM adjudication_recheck"
    " WHERE project_id = :project ORDER BY id LIMIT :most) RETURNING solution_id"
)
HAS_CHANGED = text("SELECT EXISTS (SELECT 1 FROM adjudication_recheck WHERE project_id = :project)")
SELECT_LABELED = text(
    "SELECT DISTINCT t.solution_id FROM task t WHERE t.project_id = :project AND t.solution_id > :after"
    " AND EXISTS (SELECT 1 FROM assignment a WHERE a.task_id = t.id AND a.state = 'submitted')"
    " ORDER BY 1 LIMIT :most"
)
SELECT_BASIS = text(
    "SELECT max(r.id) FROM scoring_run s JOIN run r ON r.id = s.run_id"
    " WHERE s.model_id = :model AND r.state = 'succeeded'"
)
SELECT_SCAN = text("SELECT model_id, scoring_run_id FROM adjudication_scan WHERE project_id = :project")
UPSERT_SCAN = text(
    "INSERT INTO adjudication_scan (project_id, model_id, scoring_run_id) VALUES (:project, :model, :run)"
    " ON CONFLICT (project_id) DO UPDATE SET model_id = :model, scoring_run_id = :run"
)
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")


@dataclass(frozen=True)
class Basis:
    """The qualified model and its newest scoring run, on which the queue is based."""

    model_id: int | None
    scoring_run_id: int | None


def refresh_changed(db: Session, project_id: int) -> bool:
    """Refresh up to MAX_INLINE changed solutions and leave the rest to the worker. False if some are
    not refreshed yet."""
    if not db.scalar(TRY_LOCK, {"key": _lock_key(project_id)}):
        return False
    basis, behind = current_basis(db, project_id), False
    if refresh_batch(db, project_id, basis, MAX_INLINE):
        behind = bool(db.scalar(HAS_CHANGED, {"project": project_id}))
    if load_scan(db, project_id) != basis:
        ids = list_labeled(db, project_id, 0, MAX_INLINE + 1)
        if len(ids) <= MAX_INLINE:
            refresh_solutions(db, project_id, ids, basis)
            save_scan(db, project_id, basis)
        else:
            behind = True
    if behind:
        enqueue_refresh(db, project_id)
    return not behind


def enqueue_refresh(db: Session, project_id: int) -> None:
    key = f"{JOB}-{project_id}"
    enqueue(db, JOB, once=key, lock=key, project_id=project_id)


def refresh_all(project_id: int) -> bool:
    """Refresh all changed solutions, and all labeled ones if the basis changed, in several transactions.
    False if the worker stops before the end."""
    while True:
        with transaction() as db:
            lock_scan(db, project_id)
            basis = current_basis(db, project_id)
            if stop_requested.is_set():
                return False
            if not refresh_batch(db, project_id, basis, CHUNK):
                break
    with transaction() as db:
        if load_scan(db, project_id) == basis:
            return True
    after = 0
    while True:
        with transaction() as db:
            lock_scan(db, project_id)
            if stop_requested.is_set():
                return False
            ids = list_labeled(db, project_id, after, CHUNK)
            refresh_solutions(db, project_id, ids, basis)
            if len(ids) < CHUNK:
                save_scan(db, project_id, basis)
                return True
            after = ids[-1]


def current_basis(db: Session, project_id: int) -> Basis:
    model_id = reviewing_model.find_reviewing_model(db, project_id).model_id
    return Basis(model_id, db.scalar(SELECT_BASIS, {"model": model_id}))


def load_scan(db: Session, project_id: int) -> Basis:
    row = db.execute(SELECT_SCAN, {"project": project_id}).one_or_none()
    return Basis(*row) if row else Basis(None, None)


def save_scan(db: Session, project_id: int, basis: Basis) -> None:
    db.execute(UPSERT_SCAN, {"project": project_id, "model": basis.model_id, "run": basis.scoring_run_id})


def list_labeled(db: Session, project_id: int, after: int, most: int) -> list[int]:
    """IDs of solutions with a submission, in ascending order."""
    return list(db.scalars(SELECT_LABELED, {"project": project_id, "after": after, "most": most}))


def refresh_batch(db: Session, project_id: int, basis: Basis, most: int) -> int:
    """Refresh the oldest changes; return the number of processed changes."""
    ids = list(db.scalars(SELECT_CHANGED, {"project": project_id, "most": most}))
    refresh_solutions(db, project_id, ids, basis)
    return len(ids)


def refresh_solutions(db: Session, project_id: int, solutions: Iterable[int], basis: Basis) -> None:
    ids = sorted(set(solutions))
    if ids:
        parameters = {
            "project": project_id,
            "solutions": ids,
            "model": basis.model_id,
            "sure": MIN_CONFIDENCE,
        }
        db.execute(UPSERT_CANDIDATES, parameters)


def lock_scan(db: Session, project_id: int) -> None:
    """Lock the queue of the project until the transaction ends."""
    db.execute(LOCK, {"key": _lock_key(project_id)})


def _lock_key(project_id: int) -> str:
    return f"adjudication candidates {project_id}"
