"""The model that is qualified to disagree with labels.

A model near chance predicts the most common rating for almost every step, and so disagrees with all
other labels. A model is therefore qualified only by metrics on problems that it was not trained on:

- on held-out steps, an error AUC of at least MIN_AUC over at least MIN_STEPS steps (0.5 is chance), or,
  without held-out steps,
- on an evaluation set, a best-of-N significantly better than a random pick (95% interval).

A model whose best-of-N is significantly worse than a random pick is never qualified. The newest qualified
PRM is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

MIN_AUC = 0.6
MIN_STEPS = 100
MAX_MODELS = 10
"""Number of newest models to check."""

SELECT_MODELS = text(
    """
    SELECT m.id, m.name, m.metrics, (SELECT e.best_of_n FROM model_best_of_n e
        WHERE e.model_id = m.id ORDER BY e.run_id DESC LIMIT 1) AS best_of_n
    FROM model m WHERE m.project_id = :project AND m.kind = 'prm' ORDER BY m.id DESC LIMIT :most
    """
)


@dataclass(frozen=True)
class ReviewingModel:
    model_id: int | None
    """None if no model is qualified."""
    name: str
    why: str
    """Why the model is qualified, or why the newest is not."""


def find_reviewing_model(db: Session, project_id: int) -> ReviewingModel:
    newest: ReviewingModel | None = None
    for row in db.execute(SELECT_MODELS, {"project": project_id, "most": MAX_MODELS}):
        counts, why = is_qualified(row.metrics, row.best_of_n)
        if counts:
            return ReviewingModel(row.id, row.name, why)
        newest = newest or ReviewingModel(None, row.name, why)
    return newest or ReviewingModel(None, "", "No models yet.")


def is_qualified(metrics: Mapping[str, Any], best_of_n: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Whether the metrics qualify a model, and why. `best_of_n` is that of an evaluation's results."""
    low, high = gain_over_random(best_of_n)
    if high is not None and high < 0:
        return False, "its best-of-N is worse than a random pick"
    best = metrics.get("best") or {}
    auc, steps = best.get("negative_auc"), best.get("steps") or 0
    if auc is not None and steps >= MIN_STEPS:
        measured = f"error AUC {auc:.2f} on {steps:,} held-out steps"
        return (
            auc >= MIN_AUC,
            measured if auc >= MIN_AUC else f"{measured}, below the required {MIN_AUC:.2f} (chance is 0.50)",
        )
    if low is not None and low > 0:
        return True, "its best-of-N is better than a random pick"
    if low is not None:
        return False, "its best-of-N is not significantly better than a random pick"
    return False, f"it has neither {MIN_STEPS} held-out steps nor an evaluation"


def gain_over_random(best_of_n: Mapping[str, Any] | None) -> tuple[float | None, float | None]:
    """Interval of best-of-N at the largest N, minus pass@1."""
    if not best_of_n:
        return None, None
    curve, blind = best_of_n["curves"]["best_of"], best_of_n["pass_at_1"]
    return curve["low"][-1] - blind, curve["high"][-1] - blind
