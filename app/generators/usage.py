"""Token usage and price of sampling runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.generators.models import SamplingRun
from app.generators.sampler import Cost

NONE: dict[str, Any] = {
    **vars(Cost()),
    **dict.fromkeys(("stored", "duplicates", "surplus", "unusable", "failed"), 0),
}


def add_usage(run: SamplingRun, cost: Cost, more: Counter[str]) -> None:
    """Add usage to the run's counters. The caller holds a lock on the run."""
    before = run.counters
    totals = {name: before.get(name, 0) + value for name, value in vars(cost).items()}
    totals |= {name: before.get(name, 0) + value for name, value in more.items()}
    run.counters = {**before, **totals, "seconds": round(totals["seconds"], 3)}


def compute_price(counters: dict[str, Any], config: dict[str, Any]) -> float | None:
    """Price by the generator's rates per million tokens. None if it has no rates."""
    rates = {"prompt_tokens": config.get("price_in"), "completion_tokens": config.get("price_out")}
    if all(rate is None for rate in rates.values()):
        return None
    return sum(counters.get(name, 0) * (rate or 0.0) for name, rate in rates.items()) / 1e6


ITEMS = text(
    """SELECT count(*) AS total, count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
              count(*) FILTER (WHERE state = 'failed') AS failed
       FROM sampling_item WHERE sampling_run_id = :run"""
)
MADE = text(
    """SELECT s.generator_id,
              sum((counters->>'stored')::bigint)::bigint
       FROM sampling_run s JOIN run r ON r.id = s.run_id WHERE r.project_id = :project 
         AND s.purpose = 'pool' GROUP BY s.generator_id"""
)


def count_items(db: Session, run_id: int) -> dict[str, int]:
    """{"total", "succeeded", "failed"}: problems (or solutions) of the run."""
    return dict(db.execute(ITEMS, {"run": run_id}).mappings().one())


def count_solutions(db: Session, project_id: int) -> dict[int, int]:
    """Generator id -> number of solutions stored by its runs."""
    return {row[0]: row[1] for row in db.execute(MADE, {"project": project_id})}
