"""Which solutions are worth a labeler's time: pure rules, no database, no numpy.

The mixture is Lightman et al. 2023, section 4.2 ("active learning"): of a batch, 80 % are
the most convincing wrong answers, 20 % the most convincing of what remains, right or wrong.
`uniform` is the control arm: drawn without looking at the score. Left out here on purpose:
where the candidates come from (choose.py), and test problems, which never become candidates.

A candidate may be taken once; a second solution with the same steps is never taken; and no
problem gives more than `per_problem` (the paper surfaced few per problem)."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

STRATEGIES = ("convincing_wrong", "most_convincing", "uniform")
WORDS = {
    "convincing_wrong": "convincing wrong answer",
    "most_convincing": "most convincing of the rest",
    "uniform": "drawn at random",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored solution. `log_score` is the natural log of its solution score;
    `twin` is equal for solutions of one problem with the same steps."""

    solution_id: int
    problem_id: int
    twin: bytes
    verdict: str
    log_score: float


@dataclass(frozen=True, slots=True)
class Pick:
    solution_id: int
    problem_id: int
    strategy: str
    score: float
    """The solution score itself, between 0 and 1."""
    rank: int
    """1 for the first that its strategy took."""
    model_id: int | None

    def reason(self) -> dict[str, object]:
        """What the task remembers."""
        kept = asdict(self)
        return {key: kept[key] for key in ("strategy", "score", "rank", "model_id")}


def order(candidate: Candidate) -> tuple[float, int]:
    """Most convincing first; equal scores by solution id, so that a choice repeats exactly."""
    return (-candidate.log_score, candidate.solution_id)


def suits(strategy: str, candidate: Candidate) -> bool:
    """Invalid is not wrong: a solution without a parseable answer suits nothing."""
    if strategy == "convincing_wrong":
        return candidate.verdict == "wrong"
    return candidate.verdict in ("right", "wrong")


def seats(size: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`size` places divided by share, largest remainder first, ties in the order of STRATEGIES."""
    total = sum(shares.get(name, 0.0) for name in STRATEGIES)
    exact = {name: size * shares.get(name, 0.0) / total for name in STRATEGIES if shares.get(name, 0.0) > 0}
    given = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (given[name] - exact[name], STRATEGIES.index(name)))
    for name in by_remainder[: size - sum(given.values())]:
        given[name] += 1
    return given


@dataclass
class Book:
    """What has been taken so far: the cap, the twins, and the picks in the order taken."""

    per_problem: int
    model_id: int | None = None
    picks: list[Pick] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    twins: set[tuple[int, bytes]] = field(default_factory=set)
    problems: Counter[int] = field(default_factory=Counter)
    ranks: Counter[str] = field(default_factory=Counter)

    def open_to(self, solution_id: int, problem_id: int) -> bool:
        """Whether it is worth finding out more about this solution."""
        return self.problems[problem_id] < self.per_problem and solution_id not in self.taken

    def full(self) -> list[int]:
        """The problems that reached their cap."""
        return [problem for problem, taken in self.problems.items() if taken >= self.per_problem]

    def take(self, strategy: str, candidate: Candidate) -> bool:
        """Takes the candidate for the strategy if every rule allows it."""
        twin = (candidate.problem_id, candidate.twin)
        if not self.open_to(candidate.solution_id, candidate.problem_id):
            return False
        if twin in self.twins or not suits(strategy, candidate):
            return False
        self.ranks[strategy] += 1
        self.taken.add(candidate.solution_id)
        self.twins.add(twin)
        self.problems[candidate.problem_id] += 1
        self.picks.append(
            Pick(
                candidate.solution_id,
                candidate.problem_id,
                strategy,
                math.exp(candidate.log_score),
                self.ranks[strategy],
                self.model_id,
            )
        )
        return True


def fill(book: Book, strategy: str, places: int, ordered: Iterable[Candidate]) -> int:
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


def choose(
    candidates: Iterable[Candidate],
    size: int,
    shares: Mapping[str, float],
    per_problem: int,
    seed: int,
    model_id: int | None = None,
) -> list[Pick]:
    """The whole rule over candidates that fit in memory. Places a strategy cannot fill pass
    to the next one with a share, so a pool with few wrong answers still fills its batch.

    >>> pool = [Candidate(1, 1, b"a", "wrong", -0.1), Candidate(2, 1, b"b", "right", -0.01)]
    >>> [pick.strategy for pick in choose(pool, 2, {"convincing_wrong": 1, "most_convincing": 1}, 2, 0)]
    ['convincing_wrong', 'most_convincing']
    """
    pool = sorted(candidates, key=order)
    if not pool:
        return []
    ids = [candidate.solution_id for candidate in pool]
    shuffle = Shuffle(min(ids), max(ids), seed)
    drawn = sorted(pool, key=lambda candidate: shuffle.place(candidate.solution_id))
    book = Book(per_problem, model_id)
    left_over = 0
    for name, places in seats(size, shares).items():
        left_over = fill(book, name, places + left_over, drawn if name == "uniform" else pool)
    return book.picks


def interleaved(picks: list[Pick]) -> list[Pick]:
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


class Shuffle:
    """A pseudo-random order of the whole numbers first..last that needs no memory: a Feistel
    network over the next power of four, walked until it lands inside (Black and Rogaway
    2002, "Ciphers with arbitrary finite domains"). `at` and `place` undo each other, so a few
    can be drawn from ten million rows without reading them, and many can be sorted."""

    def __init__(self, first: int, last: int, seed: int) -> None:
        self.first, self.count, self.seed = first, last - first + 1, seed
        self.half = max(1, (max(1, (self.count - 1).bit_length()) + 1) // 2)
        self.mask = (1 << self.half) - 1

    def at(self, position: int) -> int:
        """The number at `position`, 0 to count - 1."""
        return self.first + self._walk(position, (0, 1, 2, 3))

    def place(self, number: int) -> int:
        """The position of `number`."""
        return self._walk(number - self.first, (3, 2, 1, 0), backwards=True)

    def _walk(self, value: int, rounds: tuple[int, ...], *, backwards: bool = False) -> int:
        while True:
            left, right = value >> self.half, value & self.mask
            for each in rounds:
                if backwards:
                    left, right = right ^ self._mix(left, each), left
                else:
                    left, right = right, left ^ self._mix(right, each)
            value = left << self.half | right
            if value < self.count:
                return value

    def _mix(self, value: int, which: int) -> int:
        said = hashlib.blake2b(f"{self.seed}:{which}:{value}".encode(), digest_size=8).digest()
        return int.from_bytes(said, "big") & self.mask
