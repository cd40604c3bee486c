"""Generations with their tasks, labels, ratings and models."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.selection import gate_check
from app.selection.gate import GateResult
from app.selection.models import Generation
from app.training.models import Model

SELECT_GENERATIONS = text(
    """WITH queued AS (
         SELECT generation, count(*) AS tasks, count(*) FILTER (WHERE withdrawn_at IS NOT NULL) AS withdrawn
         FROM task WHERE project_id = :project_id AND kind = 'regular' AND generation >= 0
         GROUP BY generation),
       judged AS (
         SELECT t.generation, count(*) AS judgements, count(DISTINCT t.id) AS labeled,
                count(*) FILTER (WHERE a.finish_reason = 'found_error') AS found_error,
                count(*) FILTER (WHERE a.finish_reason = 'solution') AS solution,
                count(*) FILTER (WHERE a.finish_reason IN ('bad_problem', 'give_up')) AS set_aside,
                coalesce(sum(coalesce(a.active_time_ms, a.total_time_ms)), 0) / 60000.0 AS minutes
         FROM assignment a JOIN task t ON t.id = a.task_id
         WHERE a.project_id = :project_id AND a.state = 'submitted' AND t.kind = 'regular'
         GROUP BY t.generation),
       rated AS (
         SELECT t.generation, count(*) FILTER (WHERE rating = 1) AS positive,
                count(*) FILTER (WHERE rating = 0) AS neutral,
                count(*) FILTER (WHERE rating = -1) AS negative
         FROM assignment a JOIN task t ON t.id = a.task_id
         JOIN step_label l ON l.assignment_id = a.id
         CROSS JOIN LATERAL unnest(l.ratings) AS rating
         WHERE a.project_id = :project_id AND a.state = 'submitted' AND t.kind = 'regular'
         GROUP BY t.generation)
       SELECT q.generation AS number, q.tasks, q.withdrawn,
              coalesce(j.judgements, 0) AS judgements, coalesce(j.labeled, 0) AS labeled,
              coalesce(j.found_error, 0) AS found_error, coalesce(j.solution, 0) AS solution,
              coalesce(j.set_aside, 0) AS set_aside, coalesce(j.minutes, 0) AS minutes,
              coalesce(r.positive, 0) AS positive, coalesce(r.neutral, 0) AS neutral,
              coalesce(r.negative, 0) AS negative
       FROM queued q LEFT JOIN judged j ON j.generation = q.generation
       LEFT JOIN rated r ON r.generation = q.generation
       ORDER BY q.generation DESC"""
)


@dataclass(frozen=True)
class GenerationSummary:
    """A generation and what came of it."""

    number: int
    tasks: int
    withdrawn: int
    judgements: int
    """Submissions."""
    labeled: int
    """Tasks with a submission."""
    found_error: int
    solution: int
    set_aside: int
    """Submissions of bad problems and given-up solutions."""
    minutes: float
    """Active minutes of labelers."""
    positive: int
    neutral: int
    negative: int
    generation: Generation | None
    """None for the first queue, which no round made."""
    model: Model | None
    """The model that selected it."""

    @property
    def error_share(self) -> float | None:
        return self.found_error / max(self.judgements, 1) if self.labeled else None

    @property
    def waiting(self) -> int:
        return self.tasks - self.withdrawn - self.labeled

    @property
    def gate(self) -> GateResult | None:
        return gate_check.load_result(self.generation.policy.get("gate")) if self.generation else None


def list_generations(db: Session, project_id: int) -> list[GenerationSummary]:
    """Newest first."""
    rounds = {
        row.number: row for row in db.scalars(select(Generation).where(Generation.project_id == project_id))
    }
    models = {row.id: row for row in db.scalars(select(Model).where(Model.project_id == project_id))}
    summaries = []
    for row in db.execute(SELECT_GENERATIONS, {"project_id": project_id}).mappings():
        generation = rounds.get(row["number"])
        model = models.get(generation.model_id) if generation and generation.model_id else None
        counts = {**row, "minutes": float(row["minutes"])}
        summaries.append(GenerationSummary(**counts, generation=generation, model=model))
    return summaries


def get_generation(db: Session, project_id: int, number: int) -> GenerationSummary:
    for summary in list_generations(db, project_id):
        if summary.number == number:
            return summary
    raise NotFound(f"Generation {number} not found.")
