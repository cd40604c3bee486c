"""PURE: named mixtures, each a set of shares of strategies. Rounds and simulations share the ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.selection.strategies import STRATEGIES, resolve_id


@dataclass(frozen=True)
class Mixture:
    id: str
    label: str
    shares: Mapping[str, float]
    """By strategy id; they add up to 1. A strategy left out has no share."""
    source: str = ""


MIXTURES: dict[str, Mixture] = {
    mixture.id: mixture
    for mixture in (
        Mixture(
            "lightman_80_20",
            "80/20 (Lightman et al. 2023)",
            {"convincing_wrong": 0.8, "most_convincing": 0.2},
            "Lightman et al. 2023, section 4.2",
        ),
        Mixture("wrong_by_step", "Convincing wrong by step", {"convincing_wrong_by_step": 1.0}),
        Mixture("uncertain_steps", "Uncertain steps", {"uncertain_step": 1.0}),
        Mixture(
            "contradictions",
            "Model contradicts verdict (50/50)",
            {"convincing_wrong_by_step": 0.5, "doubted_correct_by_step": 0.5},
        ),
        Mixture("random", "Random", {"random": 1.0}),
    )
}
DEFAULT = MIXTURES["lightman_80_20"]
FORMER_IDS = {
    "paper": "lightman_80_20",
    "uncertain": "uncertain_steps",
    "contradicted": "contradictions",
    "uniform": "random",
}
"""Ids of earlier versions, still accepted in the address of the round's form."""


def find_mixture(mixture_id: str) -> Mixture | None:
    return MIXTURES.get(FORMER_IDS.get(mixture_id, mixture_id))


def complete_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """A share for every strategy, 0 where `shares` has none. Earlier ids become the current ones.

    >>> complete_shares({"uniform": 1})["random"]
    1
    """
    current = {resolve_id(name): share for name, share in shares.items()}
    return {**dict.fromkeys(STRATEGIES, 0.0), **current}
