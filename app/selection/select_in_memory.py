"""PURE: fills a queue from a mixture of strategies over solutions that fit in memory.

The rule: a solution is selected once; a second solution with the same steps is never selected; and no
problem gives more than `per_problem` solutions (Lightman et al. 2023 surfaced few per problem).
Strategies take their places in the order of `STRATEGIES`. Test problems never become candidates; that
is up to the caller. select_sql.py applies the same rule to a pool in the database."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from app.selection.score_orders import ScoredSolution
from app.selection.step_uncertainty import StepCorrectness, StepTexts, alternate_steps
from app.selection.strategies import STRATEGIES, Strategy


@dataclass(frozen=True, slots=True)
class Selection:
    solution_id: int
    problem_id: int
    strategy: str
    score: float
    """The solution score itself, between 0 and 1."""
    rank: int
    """1 for the first that its strategy selected."""
    model_id: int | None
    position: int | None = None
    """The 0-based step it was selected for, where the strategy goes by step."""

    def reason(self) -> dict[str, object]:
        """Stored with the task."""
        values = asdict(self)
        about_step = () if self.position is None else ("position",)
        return {key: values[key] for key in ("strategy", "score", "rank", "model_id", *about_step)}


@dataclass
class SelectionState:
    """What has been selected so far: the cap per problem, the duplicates, and the selections."""

    per_problem: int
    model_id: int | None = None
    selections: list[Selection] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    duplicate_keys: set[tuple[int, bytes]] = field(default_factory=set)
    problems: Counter[int] = field(default_factory=Counter)
    ranks: Counter[str] = field(default_factory=Counter)

    def is_open(self, solution_id: int, problem_id: int) -> bool:
        """Whether the solution may still be selected, as far as its ids tell."""
        return self.problems[problem_id] < self.per_problem and solution_id not in self.taken

    def full_problems(self) -> list[int]:
        return [problem for problem, count in self.problems.items() if count >= self.per_problem]

    def select(self, strategy: Strategy, candidate: ScoredSolution) -> bool:
        """Selects the candidate if every rule allows it."""
        if not self.is_open(candidate.solution_id, candidate.problem_id):
            return False
        if candidate.duplicate_key in self.duplicate_keys or not strategy.accepts(candidate):
            return False
        self.ranks[strategy.id] += 1
        self.taken.add(candidate.solution_id)
        self.duplicate_keys.add(candidate.duplicate_key)
        self.problems[candidate.problem_id] += 1
        self.selections.append(
            Selection(
                candidate.solution_id,
                candidate.problem_id,
                strategy.id,
                math.exp(candidate.log_score),
                self.ranks[strategy.id],
                self.model_id,
                candidate.position,
            )
        )
        return True


def apportion(size: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`size` places divided by share: largest remainder first, ties in the order of STRATEGIES."""
    ids = [name for name in STRATEGIES if shares.get(name, 0.0) > 0]
    total = sum(shares[name] for name in ids)
    exact = {name: size * shares[name] / total for name in ids}
    places = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(ids, key=lambda name: (places[name] - exact[name], ids.index(name)))
    for name in by_remainder[: size - sum(places.values())]:
        places[name] += 1
    return places


def fill_places(
    state: SelectionState, strategy: Strategy, places: int, ranked: Iterable[ScoredSolution]
) -> int:
    """Gives `places` to the first of `ranked` that may have them; returns how many stay empty. Stops
    reading as soon as the last place is given."""
    if places <= 0:
        return 0
    for candidate in ranked:
        if state.select(strategy, candidate):
            places -= 1
            if places == 0:
                break
    return places


def select_solutions(
    candidates: Iterable[ScoredSolution],
    size: int,
    shares: Mapping[str, float],
    per_problem: int,
    seed: int,
    model_id: int | None = None,
    correctness: StepCorrectness | None = None,
    texts: StepTexts | None = None,
) -> list[Selection]:
    """At most `size` selections. shares: by strategy id, any positive numbers. `correctness` and
    `texts` are needed by strategies that go by step.

    >>> pool = [ScoredSolution(1, 1, b"a", "incorrect", -0.1), ScoredSolution(2, 1, b"b", "correct", -0.01)]
    >>> shares = {"convincing_wrong": 1, "most_convincing": 1}
    >>> [selection.strategy for selection in select_solutions(pool, 2, shares, 2, 0)]
    ['convincing_wrong', 'most_convincing']
    """
    state = SelectionState(per_problem, model_id)
    fill_by_shares(state, list(candidates), size, shares, seed, correctness or {}, texts or {})
    return state.selections


def fill_by_shares(
    state: SelectionState,
    pool: Sequence[ScoredSolution],
    size: int,
    shares: Mapping[str, float],
    seed: int,
    correctness: StepCorrectness,
    texts: StepTexts,
) -> None:
    """Places a strategy cannot fill pass to the next one with a share, so a pool with few incorrect
    answers still fills its queue."""
    left_over = 0
    for name, places in apportion(size, shares).items():
        strategy = STRATEGIES[name]
        ranked: Iterable[ScoredSolution] = strategy.order.sort(pool, seed)
        if strategy.step_measure is not None:
            still_open = [
                row
                for row in ranked
                if strategy.accepts(row) and state.is_open(row.solution_id, row.problem_id)
            ]
            ranked = rank_by_step(strategy, still_open, correctness, texts)
        left_over = fill_places(state, strategy, places + left_over, ranked)


def rank_by_step(
    strategy: Strategy, pool: Iterable[ScoredSolution], correctness: StepCorrectness, texts: StepTexts
) -> Iterator[ScoredSolution]:
    """The pool as a strategy ranks it by step, each solution with its step. `pool` is in the strategy's
    order by score. A solution without step probabilities is left out.

    >>> pool = [ScoredSolution(n, n, b"", "incorrect", -n) for n in (1, 2, 3)]
    >>> correctness = {1: [0.9, 0.6], 2: [0.5, 0.9], 3: [0.9, 0.9]}
    >>> texts = {1: ["1 + 1 = 2", "so 3"], 2: ["so 3", "so 4"], 3: ["so 5", "so 6"]}
    >>> ranked = rank_by_step(STRATEGIES["uncertain_step"], pool, correctness, texts)
    >>> [(row.solution_id, row.position) for row in ranked]
    [(2, 0), (3, 0), (1, 1)]
    """
    measured = (
        (row, row.solution_id, correctness[row.solution_id])
        for row in pool
        if correctness.get(row.solution_id)
    )
    return alternate_steps(
        (replace(row, position=position), texts[row.solution_id][position])
        for row, position in strategy.place_steps(measured)
    )


def interleave(selections: list[Selection]) -> list[Selection]:
    """The order in which labelers get them: any first part of the queue holds the mixture, so that a
    generation cut short is still the experiment it was meant to be."""
    counts = Counter(selection.strategy for selection in selections)
    order = list(STRATEGIES)
    return sorted(
        selections,
        key=lambda row: ((row.rank - 0.5) / counts[row.strategy], order.index(row.strategy)),
    )
