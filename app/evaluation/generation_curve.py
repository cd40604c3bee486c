"""Is the newest model better? The models that chose the generations, judged on the default set."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evaluation import queries, sets
from app.evaluation.models import Comparison, Evaluation
from app.evaluation.plots import LABELS, Plot, Series


def load_curves(db: Session, project_id: int, models: dict[int, int]) -> dict[int, dict[str, Any]]:
    """By generation number: its model's newest finished evaluation on the default set, the key
    figures, and how it did against the model before: {"evaluation", "best", "f1", "comparison",
    "verdict"}. `models`: generation number -> model id."""
    main = sets.find_default(db, project_id)
    if main is None:
        return {}
    done = select(Evaluation).where(
        Evaluation.evaluation_set_id == main.id,
        Evaluation.state == "succeeded",
        Evaluation.model_id.in_(models.values()),
    )
    newest = {each.model_id: each for each in db.scalars(done.order_by(Evaluation.id))}
    held = select(Comparison).where(
        Comparison.second_id.in_([each.id for each in newest.values()]), Comparison.state == "succeeded"
    )
    ids = {each.id for each in newest.values()}
    against = {
        each.second_id: each for each in db.scalars(held.order_by(Comparison.id)) if each.first_id in ids
    }
    found = {}
    for number, model_id in models.items():
        if (evaluation := newest.get(model_id)) is not None:
            comparison = against.get(evaluation.id)
            best = (comparison.results or {}).get("best_of_n") if comparison else None
            found[number] = {
                "evaluation": evaluation,
                **queries.key_figures(evaluation.results),
                "comparison": comparison,
                "verdict": best["verdict"] if best else None,
                "difference": {part: best["difference"][part][-1] for part in ("mean", "low", "high")}
                if best
                else None,
            }
    return found


def build_plot(found: dict[int, dict[str, Any]]) -> Plot | None:
    """Best of N at the largest N, by generation. None where there are fewer than two."""
    numbers = sorted(number for number, each in found.items() if each["best"])
    if len(numbers) < 2:
        return None
    best = [found[number]["best"] for number in numbers]
    series = [
        Series(
            "best_of",
            "its model, best of N",
            [each["mean"] for each in best],
            [each["low"] for each in best],
            [each["high"] for each in best],
            band=True,
        ),
        Series("majority", LABELS["majority"], [each["majority"] for each in best]),
        Series("oracle", LABELS["oracle"], [each["oracle"] for each in best]),
    ]
    hint = f"At N = {best[-1]['n']}, on the default set. The shade is the 95 % interval over problems."
    return Plot("generations", "Best of N over the generations", "generation", numbers, series, hint=hint)
