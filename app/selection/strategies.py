"""PURE: the selection strategies. Each is one object that says how it ranks scored solutions.

Forms, the API, the command line and simulations iterate over `STRATEGIES`; to add a strategy, add an
entry. The rule that fills a queue from several strategies is in select_in_memory.py and, for pools in
the database, in select_sql.py. Mixtures of strategies are in mixtures.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.selection import score_orders
from app.selection.score_orders import ScoredSolution, ScoreOrder
from app.selection.step_uncertainty import most_uncertain_step, suspected_step

T = TypeVar("T")
StepMeasure = Callable[[Sequence[float]], tuple[float, int]]
"""From p(correct) of each step, in [0, 1], to a value and the 0-based step it is about."""
GRADED = ("correct", "incorrect")
"""A solution without a parseable final answer suits no strategy."""


@dataclass(frozen=True)
class Strategy:
    """How one strategy ranks a pool.

    `order` is the order by solution score. With a `step_measure` the strategy goes by step: each
    solution is selected for one step, and every step's text gets its first solution before any step
    gets a second. With `ranks_by_measure` the measure also replaces the order by score."""

    id: str
    label: str
    description: str
    order: ScoreOrder
    required_verdict: str | None = None
    step_measure: StepMeasure | None = None
    ranks_by_measure: bool = False
    source: str = ""
    """The paper it comes from."""

    @property
    def verdicts(self) -> tuple[str, ...]:
        return GRADED if self.required_verdict is None else (self.required_verdict,)

    def accepts(self, solution: ScoredSolution) -> bool:
        return solution.verdict in self.verdicts

    def place_steps(self, measured: Iterable[tuple[T, int, Sequence[float]]]) -> Iterator[tuple[T, int]]:
        """Rank by step. measured: (anything, its solution id, p(correct) by step) in this strategy's
        order by score; read no further than needed. Yields each with the 0-based step it is about."""
        if self.step_measure is None:
            raise TypeError(f"The strategy {self.id} does not go by step.")
        ranked: Iterable[tuple[float, int, int, T]] = (
            (*self.step_measure(correctness), solution_id, thing)
            for thing, solution_id, correctness in measured
        )
        if self.ranks_by_measure:
            ranked = sorted(ranked, key=lambda row: (-row[0], row[2]))
        return ((thing, position) for _, position, _, thing in ranked)


LIGHTMAN = "Lightman et al. 2023, section 4.2"
STRATEGIES: dict[str, Strategy] = {
    strategy.id: strategy
    for strategy in (
        Strategy(
            id="convincing_wrong",
            label="Convincing wrong answers",
            description="Incorrect answers with the highest scores: the model misjudged at least one step.",
            order=score_orders.MOST_CONVINCING,
            required_verdict="incorrect",
            source=LIGHTMAN,
        ),
        Strategy(
            id="convincing_wrong_by_step",
            label="Convincing wrong answers, by suspected step",
            description="The same, with one solution for each suspected step before a second for any step.",
            order=score_orders.MOST_CONVINCING,
            required_verdict="incorrect",
            step_measure=suspected_step,
        ),
        Strategy(
            id="doubted_correct_by_step",
            label="Doubted correct answers, by suspected step",
            description="Correct answers with the lowest scores, one for each suspected step first.",
            order=score_orders.LEAST_CONVINCING,
            required_verdict="correct",
            step_measure=suspected_step,
        ),
        Strategy(
            id="uncertain_step",
            label="Most uncertain steps",
            description="Solutions by their least certain step, a new step each time.",
            order=score_orders.NEAREST_TO_EVEN,
            step_measure=most_uncertain_step,
            ranks_by_measure=True,
            source="Lewis and Gale 1994, uncertainty sampling",
        ),
        Strategy(
            id="most_convincing",
            label="Most convincing of the rest",
            description="The highest scores that are left, correct or incorrect.",
            order=score_orders.MOST_CONVINCING,
            source=LIGHTMAN,
        ),
        Strategy(
            id="random",
            label="Random sample",
            description="The baseline: a random sample that ignores the score.",
            order=score_orders.RANDOM,
        ),
    )
}
"""By id, in the order in which they take places in a queue."""
BASELINE = "random"
"""Id of the strategy that needs no model: a failed gate queues by it."""
FORMER_IDS = {"uniform": "random", "doubted_right": "doubted_correct_by_step"}
"""Ids of earlier versions, still accepted from programs."""


def resolve_id(strategy_id: str) -> str:
    """The current id for an id of today or of an earlier version."""
    return FORMER_IDS.get(strategy_id, strategy_id)


def label_of(strategy_id: str) -> str:
    """The label on screen, or "" for tasks that no strategy selected."""
    strategy = STRATEGIES.get(strategy_id)
    return strategy.label if strategy else ""
