"""PURE: orders of a pool by solution score, in memory and as reads of the score table.

Each order has two forms of the same rule. `sort` orders solutions in memory. `read` asks a
`ScoreReader` (select_sql.py) for the rows of the score table in that order, so that a large pool is
read only as far as needed."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.selection.shuffle import Shuffle

ScoreRow = tuple[float, int, int]
"""Log score, solution id, problem id."""
DOWN, UP = "down", "up"


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """`log_score` is the natural log of the solution score; `digest` is equal for duplicates."""

    solution_id: int
    problem_id: int
    digest: bytes
    verdict: str
    log_score: float
    position: int | None = None
    """The 0-based step it is selected for, where a strategy ranks by step."""

    @property
    def duplicate_key(self) -> tuple[int, bytes]:
        return self.problem_id, self.digest


class ScoreReader(Protocol):
    """The score table of one model, read in chunks of rows."""

    def walk(self, start: float, directions: Sequence[str]) -> Iterator[list[ScoreRow]]:
        """Along the score index from `start`; with two directions, nearest score first."""

    def shuffle(self) -> Iterator[list[ScoreRow]]:
        """In random order."""

    def sort(self, sql: str) -> Iterator[list[ScoreRow]]:
        """By an SQL expression, highest first. Reads every score of the model."""


class ScoreOrder(Protocol):
    def sort(self, pool: Sequence[ScoredSolution], seed: int) -> list[ScoredSolution]:
        """The pool in this order."""

    def read(self, scores: ScoreReader) -> Iterator[list[ScoreRow]]:
        """The same order, from the database."""


def most_convincing_first(solution: ScoredSolution) -> tuple[float, int]:
    """Sort key. Equal scores go by solution id, so that a selection repeats exactly."""
    return -solution.log_score, solution.solution_id


def least_convincing_first(solution: ScoredSolution) -> tuple[float, int]:
    return solution.log_score, -solution.solution_id


@dataclass(frozen=True)
class IndexOrder:
    """Along the score index from the log score `start`: down, up, or both ways, nearest first."""

    start: float
    directions: tuple[str, ...]

    def sort(self, pool: Sequence[ScoredSolution], seed: int) -> list[ScoredSolution]:
        sides = {
            DOWN: sorted((row for row in pool if row.log_score <= self.start), key=most_convincing_first),
            UP: sorted((row for row in pool if row.log_score > self.start), key=least_convincing_first),
        }
        if len(self.directions) == 1:
            return sides[self.directions[0]]
        return list(heapq.merge(*sides.values(), key=lambda row: distance(row.log_score, self.start)))

    def read(self, scores: ScoreReader) -> Iterator[list[ScoreRow]]:
        return scores.walk(self.start, self.directions)


@dataclass(frozen=True)
class ExpressionOrder:
    """By any function of the log score, highest first; `sql` is the same function of the column
    `log_score`. No index helps here: every score of the model is read and sorted."""

    score: Callable[[float], float]
    sql: str

    def sort(self, pool: Sequence[ScoredSolution], seed: int) -> list[ScoredSolution]:
        return sorted(pool, key=lambda row: (-self.score(row.log_score), row.solution_id))

    def read(self, scores: ScoreReader) -> Iterator[list[ScoreRow]]:
        return scores.sort(self.sql)


@dataclass(frozen=True)
class RandomOrder:
    """Without looking at the score."""

    def sort(self, pool: Sequence[ScoredSolution], seed: int) -> list[ScoredSolution]:
        ids = [row.solution_id for row in pool] or [0]
        return random_order(pool, Shuffle(min(ids), max(ids), seed))

    def read(self, scores: ScoreReader) -> Iterator[list[ScoreRow]]:
        return scores.shuffle()


def random_order(pool: Sequence[ScoredSolution], shuffle: Shuffle) -> list[ScoredSolution]:
    return sorted(pool, key=lambda row: shuffle.place(row.solution_id))


def distance(log_score: float, start: float) -> float:
    """Between two scores, not between their logs."""
    return abs(math.exp(log_score) - math.exp(start))


MOST_CONVINCING = IndexOrder(math.inf, (DOWN,))
LEAST_CONVINCING = IndexOrder(-math.inf, (UP,))
NEAREST_TO_EVEN = IndexOrder(math.log(0.5), (DOWN, UP))
RANDOM = RandomOrder()
