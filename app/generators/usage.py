"""Token usage and price of sampling runs."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.api import Answer
from app.generators.config import parse
from app.generators.models import SamplingRun
from app.generators.sampler import Cost

NONE: dict[str, int | float] = {
    **vars(Cost()),
    **dict.fromkeys(("stored", "duplicates", "surplus", "unusable", "failed"), 0),
}


class SamplingCounters(Answer):
    """What a sampling run used and stored so far."""

    requests: int = 0
    """Requests sent."""
    retries: int = 0
    """Requests sent again after a failure."""
    prompt_tokens: int = 0
    """Prompt tokens, as the server counts them."""
    completion_tokens: int = 0
    """Completion tokens, as the server counts them."""
    without_usage: int = 0
    """Responses without token counts."""
    seconds: float = 0.0
    """Time spent in requests, summed over concurrent ones."""
    stored: int = 0
    """Samples stored."""
    duplicates: int = 0
    """Samples with the text of a stored solution."""
    surplus: int = 0
    """Samples beyond the target, not stored."""
    unusable: int = 0
    """Samples without usable steps."""
    failed: int = 0
    """Failed requests."""
    correct: int = 0
    """Correct rollouts."""


class ItemCounts(Answer):
    """The units of a run: problems, or solutions."""

    total: int
    """All units."""
    succeeded: int
    """Complete units."""
    failed: int
    """Units that failed. Resume the run to retry them."""


def add_usage(run: SamplingRun, cost: Cost, more: Counter[str]) -> None:
    """Add usage to the run's counters. The caller holds a lock on the run."""
    before = run.counters
    totals = {name: before.get(name, 0) + value for name, value in vars(cost).items()}
    totals |= {name: before.get(name, 0) + value for name, value in more.items()}
    run.counters = {**before, **totals, "seconds": round(totals["seconds"], 3)}


def compute_price(run: SamplingRun) -> float | None:
    """Price by the generator's rates per million tokens. None if it has no rates."""
    config, counters = parse(run.generator.config), SamplingCounters.model_validate(run.counters)
    if config.price_in is None and config.price_out is None:
        return None
    prompt, completion = config.price_in or 0.0, config.price_out or 0.0
    return (counters.prompt_tokens * prompt + counters.completion_tokens * completion) / 1e6


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


def count_items(db: Session, run_id: int) -> ItemCounts:
    return ItemCounts(**db.execute(ITEMS, {"run": run_id}).mappings().one())


def count_solutions(db: Session, project_id: int) -> dict[int, int]:
    """Generator id -> number of solutions stored by its runs."""
    return {row[0]: row[1] for row in db.execute(MADE, {"project": project_id})}
