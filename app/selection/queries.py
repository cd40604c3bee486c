"""Reads for the dashboard, a generation's page and the API."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.evaluation import generation_curve
from app.scoring.heat_strips import load_heat_strips
from app.selection.funnel import FunnelCounts, LabelCounts
from app.selection.generations import GenerationSummary
from app.selection.models import Round
from app.selection.next_action import LabelingProgress
from app.selection.strategies import label_of
from app.training.models import Model

PAGE = 50
STATES = ("queued", "in progress", "labeled", "withdrawn")
STATE_OF = """CASE WHEN t.withdrawn_at IS NOT NULL THEN 'withdrawn'
                   WHEN EXISTS (SELECT FROM assignment a WHERE a.task_id = t.id AND a.state = 'submitted')
                        AND (SELECT count(*) FROM assignment a
                             WHERE a.task_id = t.id AND a.state = 'submitted') >= t.overlap THEN 'labeled'
                   WHEN t.assigned_count > 0 THEN 'in progress' ELSE 'queued' END"""
SELECT_QUEUE = f"""SELECT t.id, t.solution_id, s.problem_id, t.reason, t.priority, {STATE_OF} AS state,
                  p.statement, s.final_answer, p.reference_answer, s.verdict, s.steps
           FROM task t JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
           WHERE t.project_id = :project_id AND t.generation = :number AND t.kind = 'regular'
             AND (CAST(:strategy AS text) IS NULL OR t.reason->>'strategy' = :strategy)
             AND (CAST(:state AS text) IS NULL OR {STATE_OF} = :state)
           ORDER BY t.priority DESC, t.id LIMIT :limit OFFSET :offset"""  # noqa: S608 - our own text
SELECT_TASK_COUNTS = f"""
             SELECT {STATE_OF} AS state, coalesce(t.reason->>'strategy', '') AS strategy, count(*) AS tasks
             FROM task t WHERE t.project_id = :project_id AND t.generation = :number AND t.kind = 'regular'
             GROUP BY 1, 2"""  # noqa: S608 - our own text


@dataclass(frozen=True)
class FunnelStage:
    """A bar of the funnel."""

    name: str
    meaning: str
    count: int
    width: float
    """0 to 100."""


@dataclass(frozen=True)
class RatingShare:
    """A part of a bar 100 wide."""

    name: str
    count: int
    x: float
    """Where it starts."""
    width: float


def load_generation_evaluations(
    db: Session, project_id: int, generations: list[GenerationSummary]
) -> dict[int, dict[str, Any]]:
    """By generation number: its model on the default evaluation set, compared with the previous model."""
    models = {row.number: row.model.id for row in generations if row.model}
    return generation_curve.load_curves(db, project_id, models)


def newest_selector(
    generations: list[GenerationSummary], evaluations: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    """About the newest generation a model selected: its gate, and its evaluation if the model is worse
    than the one before."""
    newest = next((row for row in generations if row.model), None)
    if newest is None:
        return {"gate": None, "regression": None}
    evaluation = evaluations.get(newest.number)
    worse = evaluation is not None and evaluation["verdict"] == "worse"
    return {
        "gate": newest.gate,
        "regression": {**evaluation, "model": newest.model} if evaluation and worse else None,
    }


def build_funnel(generation: GenerationSummary, counts: FunnelCounts) -> list[FunnelStage]:
    """The stages of a generation's funnel, with their width for drawing. A generation that a round made
    stores its counts; the first queue shows the current ones."""
    stored = generation.generation.funnel if generation.generation else {}
    steps = [
        (
            "sampled",
            "solutions of train and validation problems",
            stored.get("sampled", counts.sampled),
        ),
        ("graded", "with a verdict", stored.get("graded", counts.graded)),
    ]
    if stored:
        steps += [
            ("scored", "scored by the selector", stored.get("scored", 0)),
            ("eligible", "parseable, in the chosen splits, not queued before", stored.get("eligible", 0)),
        ]
    steps += [
        ("selected", "queued for labelers", generation.tasks),
        ("labeled", "labeled by a person", generation.labeled),
    ]
    largest = max((count for *_, count in steps), default=0) or 1
    return [FunnelStage(name, meaning, count, _width(count, largest)) for name, meaning, count in steps]


def _width(count: int, largest: int) -> float:
    """0 to 100 on a square-root scale, so that 200 of 100,000 stay visible."""
    return round(100 * math.sqrt(count / largest), 2)


def list_queue(
    db: Session,
    project_id: int,
    number: int,
    model: Model | None,
    *,
    strategy: str | None = None,
    state: str | None = None,
    page: int = 1,
) -> list[dict[str, Any]]:
    """A page of the generation's tasks in queue order, each with its reason and heat strip by `model`."""
    params = {
        "project_id": project_id,
        "number": number,
        "strategy": strategy,
        "state": state if state in STATES else None,
        "limit": PAGE,
        "offset": (max(1, page) - 1) * PAGE,
    }
    rows = db.execute(text(SELECT_QUEUE), params).mappings().all()
    strips = load_heat_strips(db, [row["solution_id"] for row in rows], model) if model else {}
    return [
        {
            **row,
            "strip": strips.get(row["solution_id"]),
            "strategy_label": label_of(row["reason"].get("strategy", "")),
        }
        for row in rows
    ]


def count_tasks(db: Session, project_id: int, number: int) -> dict[str, dict[str, int]]:
    """{"states": {state: tasks}, "strategies": {strategy: tasks}}."""
    states: dict[str, int] = {}
    strategies: dict[str, int] = {}
    for row in db.execute(text(SELECT_TASK_COUNTS), {"project_id": project_id, "number": number}).mappings():
        states[row["state"]] = states.get(row["state"], 0) + row["tasks"]
        strategies[row["strategy"]] = strategies.get(row["strategy"], 0) + row["tasks"]
    return {"states": states, "strategies": strategies}


def list_rounds(db: Session, project_id: int, limit: int = 10) -> list[Round]:
    newest_first = select(Round).where(Round.project_id == project_id).order_by(Round.id.desc())
    return list(db.scalars(newest_first.limit(limit)))


def rating_shares(positive: int, neutral: int, negative: int) -> list[RatingShare]:
    """Three parts of a bar 100 wide."""
    total = positive + neutral + negative
    parts, start = [], 0.0
    for name, count in (("positive", positive), ("neutral", neutral), ("negative", negative)):
        width = 100 * count / total if total else 0.0
        parts.append(RatingShare(name, count, round(start, 2), round(width, 2)))
        start += width
    return parts


def labeling_progress(
    counts: FunnelCounts, generations: list[GenerationSummary], labels: LabelCounts
) -> LabelingProgress:
    newest = generations[0] if generations else None
    return LabelingProgress(
        solutions=counts.sampled,
        generation=newest.number if newest else None,
        waiting=newest.waiting if newest else 0,
        has_labels=labels.steps > 0,
    )
