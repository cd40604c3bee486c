"""Which solutions are worth a labeler's time: pure rules, no database, no numpy.

The mixture is Lightman et al. 2023, section 4.2 ("active learning"): of a batch, 80 % are
the most convincing wrong answers, 20 % the most convincing of what remains, right or wrong.
`uniform` is the control arm: drawn without looking at the score. Three strategies go by steps
(doubt.py) and give one solution to every step's text before a second to any:
`convincing_wrong_by_step`, `uncertain_step`, and `doubted_right`, the mirror image of the first: a right
answer that the model holds for wrong. Left out here on purpose: where the
candidates come from (choose.py), and test problems, which never become candidates.

A candidate may be taken once; a second solution with the same steps is never taken; and no
problem gives more than `per_problem` (the paper surfaced few per problem)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from app.selection.shuffle import Shuffle
from app.selection.step_uncertainty import MEASURES, StepCorrectness, StepTexts, alternate_steps

WORDS = {
    "convincing_wrong": "convincing wrong answer",
    "convincing_wrong_by_step": "convincing wrong answer, by suspected step",
    "doubted_right": "right answer it doubts, by suspected step",
    "uncertain_step": "uncertain step",
    "most_convincing": "most convincing of the rest",
    "uniform": "drawn at random",
}
MEANINGS = {
    "convincing_wrong": "Graded wrong, highest score first: the model must have misjudged a step.",
    "convincing_wrong_by_step": "The same, one for each step it suspects before a second for any.",
    "doubted_right": "Graded right, lowest score first, by suspected step: misjudged, or right by luck.",
    "uncertain_step": "Right or wrong, by the step it is least certain of; another step each time.",
    "most_convincing": "Highest score first, right or wrong.",
    "uniform": "The control arm: does not look at the score.",
}
STRATEGIES = tuple(WORDS)
"""In the order in which they take."""
VERDICT = {
    "convincing_wrong": "incorrect",
    "convincing_wrong_by_step": "incorrect",
    "doubted_right": "correct",
}
"""Of those that ask for one."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """A scored solution. `log_score` is the natural log of its solution score;
    `digest` is equal for solutions of one problem with the same steps."""

    solution_id: int
    problem_id: int
    digest: bytes
    verdict: str
    log_score: float
    position: int | None = None
    """The step it is taken for, from 0, where a strategy goes by steps."""

    @property
    def duplicate_key(self) -> tuple[int, bytes]:
        return self.problem_id, self.digest


@dataclass(frozen=True, slots=True)
class Selection:
    solution_id: int
    problem_id: int
    strategy: str
    score: float
    """The solution score itself, between 0 and 1."""
    rank: int
    """1 for the first that its strategy took."""
    model_id: int | None
    position: int | None = None
    """The step it was taken for, from 0, if it was for one."""

    def reason(self) -> dict[str, object]:
        """What the task remembers."""
        kept = asdict(self)
        about = () if self.position is None else ("position",)
        return {key: kept[key] for key in ("strategy", "score", "rank", "model_id", *about)}


def score_order(candidate: ScoredSolution) -> tuple[float, int]:
    """Most convincing first; equal scores by solution id, so that a choice repeats exactly."""
    return (-candidate.log_score, candidate.solution_id)


def is_suitable(strategy: str, candidate: ScoredSolution) -> bool:
    """Invalid is not wrong: a solution without a parseable answer suits nothing."""
    return candidate.verdict in verdicts(strategy)


def verdicts(strategy: str) -> tuple[str, ...]:
    return (VERDICT[strategy],) if strategy in VERDICT else ("correct", "incorrect")


def apportion(size: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`size` places divided by share, largest remainder first, ties in the order of STRATEGIES."""
    total = sum(shares.get(name, 0.0) for name in STRATEGIES)
    exact = {name: size * shares.get(name, 0.0) / total for name in STRATEGIES if shares.get(name, 0.0) > 0}
    given = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (given[name] - exact[name], STRATEGIES.index(name)))
    for name in by_remainder[: size - sum(given.values())]:
        given[name] += 1
    return given


@dataclass
class SelectionState:
    """What has been taken so far: the cap, the twins, and the picks in the order taken."""

    per_problem: int
    model_id: int | None = None
    selections: list[Selection] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    duplicate_keys: set[tuple[int, bytes]] = field(default_factory=set)
    problems: Counter[int] = field(default_factory=Counter)
    ranks: Counter[str] = field(default_factory=Counter)

    def is_open(self, solution_id: int, problem_id: int) -> bool:
        """Whether it is worth finding out more about this solution."""
        return self.problems[problem_id] < self.per_problem and solution_id not in self.taken

    def full_problems(self) -> list[int]:
        """The problems that reached their cap."""
        return [problem for problem, taken in self.problems.items() if taken >= self.per_problem]

    def take(self, strategy: str, candidate: ScoredSolution) -> bool:
        """Takes the candidate for the strategy if every rule allows it."""
        twin = candidate.duplicate_key
        if not self.is_open(candidate.solution_id, candidate.problem_id):
            return False
        if twin in self.duplicate_keys or not is_suitable(strategy, candidate):
            return False
        self.ranks[strategy] += 1
        self.taken.add(candidate.solution_id)
        self.duplicate_keys.add(twin)
        self.problems[candidate.problem_id] += 1
        self.selections.append(
            Selection(
                candidate.solution_id,
                candidate.problem_id,
                strategy,
                math.exp(candidate.log_score),
                self.ranks[strategy],
                self.model_id,
                candidate.position,
            )
        )
        return True


def fill_places(book: SelectionState, strategy: str, places: int, ordered: Iterable[ScoredSolution]) -> int:
    """Gives `places` to the first of `ordered` that may have them; returns how many stay
    empty. Stops reading as soon as the last place is given."""
    if places <= 0:
        return 0
    for candidate in ordered:
        if book.take(strategy, candidate):
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
    right: StepCorrectness | None = None,
    texts: StepTexts | None = None,
) -> list[Selection]:
    """The whole rule over candidates that fit in memory. `right` and `texts` are for the strategies
    that go by steps.

    >>> pool = [ScoredSolution(1, 1, b"a", "incorrect", -0.1), ScoredSolution(2, 1, b"b", "correct", -0.01)]
    >>> shares = {"convincing_wrong": 1, "most_convincing": 1}
    >>> [pick.strategy for pick in select_solutions(pool, 2, shares, 2, 0)]
    ['convincing_wrong', 'most_convincing']
    """
    book = SelectionState(per_problem, model_id)
    fill_by_shares(book, sorted(candidates, key=score_order), size, shares, seed, right or {}, texts or {})
    return book.selections


def fill_by_shares(
    book: SelectionState,
    pool: Sequence[ScoredSolution],
    size: int,
    shares: Mapping[str, float],
    seed: int,
    right: StepCorrectness,
    texts: StepTexts,
) -> None:
    """`pool` in order. Places a strategy cannot fill pass to the next one with a share, so a pool with
    few wrong answers still fills its batch."""
    left_over = 0
    for name, places in apportion(size, shares).items():
        ordered: Iterable[ScoredSolution] = pool
        if name == "uniform":
            ordered = random_order(pool, seed)
        elif name in MEASURES:
            still = [
                one
                for one in pool
                if is_suitable(name, one) and book.is_open(one.solution_id, one.problem_id)
            ]
            ordered = by_step(name, still, right, texts)
        left_over = fill_places(book, name, places + left_over, ordered)


def random_order(pool: Sequence[ScoredSolution], seed: int) -> list[ScoredSolution]:
    ids = [candidate.solution_id for candidate in pool] or [0]
    shuffle = Shuffle(min(ids), max(ids), seed)
    return sorted(pool, key=lambda candidate: shuffle.place(candidate.solution_id))


def by_step(
    strategy: str, pool: Iterable[ScoredSolution], right: StepCorrectness, texts: StepTexts
) -> Iterator[ScoredSolution]:
    """The candidates of a strategy that goes by steps, in its order, each with its step; `pool` is in order
    of score. One whose steps are not known cannot be judged by them, and is left out.

    >>> pool = [ScoredSolution(n, n, b"", "incorrect", -n) for n in (1, 2, 3)]
    >>> right = {1: [0.9, 0.6], 2: [0.5, 0.9], 3: [0.9, 0.9]}
    >>> texts = {1: ["1 + 1 = 2", "so 3"], 2: ["so 3", "so 4"], 3: ["so 5", "so 6"]}
    >>> [(one.solution_id, one.position) for one in by_step("uncertain_step", pool, right, texts)]
    [(2, 0), (3, 0), (1, 1)]
    """
    if strategy == "doubted_right":
        pool = reversed(list(pool))
    known = ((one, one.solution_id, right[one.solution_id]) for one in pool if right.get(one.solution_id))
    return alternate_steps(
        (replace(one, position=at), texts[one.solution_id][at]) for one, at in placed(strategy, known)
    )


def placed(strategy: str, known: Iterable[tuple[T, int, Sequence[float]]]) -> Iterator[tuple[T, int]]:
    """In order of the strategy, each with the position of the step that its measure points at. `known`
    is what, its solution id and its `right`, in order of score; it is read no further than it must be."""
    measure = MEASURES[strategy]
    found: Iterable[tuple[float, int, int, T]] = (
        (*measure(right), solution_id, what) for what, solution_id, right in known
    )
    if strategy == "uncertain_step":
        found = sorted(found, key=lambda each: (-each[0], each[2]))
    return ((what, position) for _, position, _, what in found)


def interleaved(picks: list[Selection]) -> list[Selection]:
    """The order labelers get them in: any first part of the queue holds the mixture,
    so a generation cut short is still the experiment it was meant to be."""
    counts = Counter(pick.strategy for pick in picks)
    return sorted(
        picks,
        key=lambda pick: (
            (pick.rank - 0.5) / counts[pick.strategy],
            STRATEGIES.index(pick.strategy),
        ),
    )
