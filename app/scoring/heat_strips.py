"""The heat strip of a solution: p(correct) of each step by a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.scoring.models import Score, ScoringRun
from app.training.models import Model


@dataclass(frozen=True)
class HeatCell:
    """One step in a heat strip."""

    position: int
    correct: float
    """p(positive), plus p(neutral) if the scoring run counted neutral as correct."""
    probs: tuple[float, float, float]
    """p(negative), p(neutral), p(positive)."""

    @property
    def heat(self) -> int:
        """0 (incorrect) to 10 (correct), the suffix of the CSS class."""
        return round(max(0.0, min(1.0, self.correct)) * 10)


@dataclass(frozen=True)
class HeatStrip:
    model: Model
    score: float
    """The solution score, 0 to 1."""
    cells: list[HeatCell]
    aggregate: str

    @property
    def text(self) -> str:
        """The strip as text for screen readers."""
        return ", ".join(f"step {cell.position + 1}: {cell.correct:.2f}" for cell in self.cells)


def load_heat_strips(db: Session, ids: list[int], model: Model) -> dict[int, HeatStrip]:
    neutral, aggregate = load_score_options(db, model)
    scores = db.scalars(select(Score).where(Score.model_id == model.id, Score.solution_id.in_(ids)))
    return {
        score.solution_id: HeatStrip(
            model, min(1.0, math.exp(score.log_score)), build_cells(score.step_probs, neutral), aggregate
        )
        for score in scores
    }


def load_score_options(db: Session, model: Model) -> tuple[bool, str]:
    """Whether neutral counts as correct, and the aggregate, from the model's last scoring run."""
    latest = select(ScoringRun.config).where(ScoringRun.model_id == model.id).order_by(ScoringRun.id.desc())
    config: dict[str, Any] = db.scalar(latest.limit(1)) or {}
    return bool(config.get("neutral_is_positive", True)), str(config.get("aggregate", "product"))


def build_cells(probs: list[float], neutral: bool) -> list[HeatCell]:
    threes = [(probs[at], probs[at + 1], probs[at + 2]) for at in range(0, len(probs), 3)]
    return [
        HeatCell(position, three[2] + three[1] if neutral else three[2], three)
        for position, three in enumerate(threes)
    ]
