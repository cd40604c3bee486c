"""Evaluations of the selectors of successive generations on the default set."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evaluation import queries, sets
from app.evaluation.models import Comparison, Evaluation
from app.evaluation.plots import Plot, Series
from app.evaluation.result_plots import LABELS


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
    newest = {evaluation.model_id: evaluation for evaluation in db.scalars(done.order_by(Evaluation.id))}
    held = select(Comparison).where(
        Comparison.second_id.in_([evaluation.id for evaluation in newest.values()]),
        Comparison.state == "succeeded",
    )
    ids = {evaluation.id for evaluation in newest.values()}
    against = {
        comparison.second_id: comparison
        for comparison in db.scalars(held.order_by(Comparison.id))
        if comparison.first_id in ids
    }
    by_generation = {}
    for number, model_id in models.items():
        if (evaluation := newest.get(model_id)) is not None:
            comparison = against.get(evaluation.id)
            best = (comparison.results or {}).get("best_of_n") if comparison else None
            by_generation[number] = {
                "evaluation": evaluation,
                **queries.key_figures(evaluation.results),
                "comparison": comparison,
                "verdict": best["verdict"] if best else None,
                "difference": {part: best["difference"][part][-1] for part in ("mean", "low", "high")}
                if best
                else None,
            }
    return by_generation


def build_plot(by_generation: dict[int, dict[str, Any]]) -> Plot | None:
    """Best of N at the largest N, by generation. None where there are fewer than two."""
    numbers = sorted(number for number, figures in by_generation.items() if figures["best"])
    if len(numbers) < 2:
        return None
    best = [by_generation[number]["best"] for number in numbers]
    series = [
        Series(
            "best_of",
            "selector, best-of-N",
            [figures["mean"] for figures in best],
            [figures["low"] for figures in best],
            [figures["high"] for figures in best],
            band=True,
        ),
        Series("majority", LABELS["majority"], [figures["majority"] for figures in best]),
        Series("pass_at_n", LABELS["pass_at_n"], [figures["pass_at_n"] for figures in best]),
    ]
    hint = f"At N = {best[-1]['n']}, on the default set. The band is the 95% interval over problems."
    return Plot("generations", "Best-of-N by generation", "generation", numbers, series, hint=hint)
