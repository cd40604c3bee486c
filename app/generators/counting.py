"""What a run cost so far, and what that comes to in money."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.generators.asking import Cost
from app.generators.models import SamplingRun

NONE: dict[str, Any] = {
    **vars(Cost()),
    **dict.fromkeys(("made", "duplicates", "surplus", "useless", "failed"), 0),
}


def add(run: SamplingRun, cost: Cost, more: Counter[str]) -> None:
    """To the run's counters; its row is locked by who calls."""
    before = run.counters
    found = {name: before.get(name, 0) + value for name, value in vars(cost).items()}
    found |= {name: before.get(name, 0) + value for name, value in more.items()}
    run.counters = {**before, **found, "seconds": round(found["seconds"], 3)}


def price(counters: dict[str, Any], config: dict[str, Any]) -> float | None:
    """By the generator's prices for a million tokens; None where it has none."""
    rates = {"prompt_tokens": config.get("price_in"), "completion_tokens": config.get("price_out")}
    if all(rate is None for rate in rates.values()):
        return None
    return sum(counters.get(name, 0) * (rate or 0.0) for name, rate in rates.items()) / 1e6
