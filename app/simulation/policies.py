"""The selection policies that simulations compare: a mixture of strategies or a ranking of a simulation's
own, when its selector is trained, and whether the gate may overrule it. Importable without torch.

A policy's id is that of its mixture (app/selection/mixtures.py), with `_fixed` where the first selector
chooses every time, or with `_gated` where a selector that fails the gate is replaced by a random sample.
Without a suffix a new selector is trained before every choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.errors import Invalid
from app.selection.mixtures import MIXTURES, Mixture
from app.simulation import rankings
from app.simulation.rankings import SimulatedRanking

FIXED, GATED = "_fixed", "_gated"
BASELINE = "random"
"""The policy that others are compared with."""


@dataclass(frozen=True)
class SelectionPolicy:
    id: str
    label: str
    mixture: Mixture | None = None
    """None where only a simulation can follow the policy."""
    ranking: SimulatedRanking | None = None
    retrains: bool = True
    gated: bool = False


def _of_mixture(mixture: Mixture) -> SelectionPolicy:
    return SelectionPolicy(mixture.id, mixture.label, mixture)


def _fixed(policy: SelectionPolicy) -> SelectionPolicy:
    label = f"{policy.label}, first selector only"
    return replace(policy, id=policy.id + FIXED, label=label, retrains=False)


def _gated(policy: SelectionPolicy) -> SelectionPolicy:
    return replace(policy, id=policy.id + GATED, label=f"{policy.label}, gated", gated=True)


def _list_policies() -> list[SelectionPolicy]:
    plain = [_of_mixture(mixture) for mixture in MIXTURES.values()]
    first, *others = sorted(plain, key=lambda policy: policy.id != BASELINE)
    variants = [_fixed(others[0]), others[0], _gated(others[0])]
    simulated = [SelectionPolicy(ranking.id, ranking.label, ranking=ranking) for ranking in rankings.RANKINGS]
    return [first, *variants, *others[1:], *simulated]


POLICIES: dict[str, SelectionPolicy] = {policy.id: policy for policy in _list_policies()}
"""Those on the form, in the order in which results list them. `find_policy` knows every variant."""
DEFAULT_POLICIES = (BASELINE, "lightman_80_20_fixed", "lightman_80_20")
FORMER_IDS = {
    "uniform": "random",
    "paper": "lightman_80_20_fixed",
    "iterated": "lightman_80_20",
    "gated": "lightman_80_20_gated",
    "uncertainty": "uncertain_solution",
    "entropy": "first_error_entropy",
    "hardest": "hard_problems",
    "spread": "wrong_by_step",
    "unsure": "uncertain_steps",
    "contradicted": "contradictions",
}
"""Ids of earlier versions, still accepted."""


def find_policy(policy_id: str) -> SelectionPolicy | None:
    policy_id = FORMER_IDS.get(policy_id, policy_id)
    if policy_id in POLICIES:
        return POLICIES[policy_id]
    for suffix, variant in ((FIXED, _fixed), (GATED, _gated)):
        mixture = MIXTURES.get(policy_id.removesuffix(suffix))
        if policy_id.endswith(suffix) and mixture and mixture.id != BASELINE:
            return variant(_of_mixture(mixture))
    return None


def get_policy(policy_id: str) -> SelectionPolicy:
    policy = find_policy(policy_id)
    if policy is None:
        raise Invalid(f"Unknown policy {policy_id[:50]!r}.", remedy=f"Valid policies: {', '.join(POLICIES)}.")
    return policy


def label_of(policy_id: str) -> str:
    policy = find_policy(policy_id)
    return policy.label if policy else policy_id


def require_policies(policy_ids: Iterable[str]) -> tuple[str, ...]:
    """Current ids, without repeats, in the order in which results list them. Invalid for unknown ones."""
    return in_order({get_policy(policy_id).id for policy_id in policy_ids})


def in_order(policy_ids: Iterable[str]) -> tuple[str, ...]:
    order = list(POLICIES)
    return tuple(
        sorted(policy_ids, key=lambda name: (order.index(name) if name in order else len(order), name))
    )
