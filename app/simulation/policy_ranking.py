"""What each policy labels next. Mixtures go through app/selection as rounds do. Rankings of simulations
follow the same rules: no duplicates, a maximum per problem, no unparseable answers."""

from __future__ import annotations

from collections.abc import Sequence

from app.selection.score_orders import ScoredSolution, most_convincing_first
from app.selection.select_in_memory import SelectionState, fill_by_shares, fill_places
from app.selection.step_uncertainty import StepCorrectness, StepTexts
from app.selection.strategies import STRATEGIES
from app.simulation.policies import get_policy


def select(
    policy_id: str,
    candidates: Sequence[ScoredSolution],
    size: int,
    per_problem: int,
    seed: int,
    correctness: StepCorrectness,
    texts: StepTexts,
    queued: Sequence[ScoredSolution] = (),
) -> list[int]:
    """Solution ids, at most `size`. `queued` were selected before: neither they nor their duplicates are
    selected again. Places left when incorrect answers run out go to the most convincing of the rest."""
    policy = get_policy(policy_id)
    taken = {row.duplicate_key for row in queued}
    left = sorted((row for row in candidates if row.duplicate_key not in taken), key=most_convincing_first)
    state = SelectionState(per_problem)
    if policy.mixture is not None:
        fill_by_shares(state, left, size, policy.mixture.shares, seed, correctness, texts)
    elif policy.ranking is not None:
        value = policy.ranking.rank(left, correctness)
        ranked = sorted(left, key=lambda row: (-value[row.solution_id], row.solution_id))
        fill_places(state, STRATEGIES[policy.ranking.strategy], size, ranked)
    fill_places(state, STRATEGIES["most_convincing"], size - len(state.selections), left)
    return [selection.solution_id for selection in state.selections]
