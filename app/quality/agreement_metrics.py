"""PURE: agreement of labelers. Steps are rated -1, 0 or 1; units are (solution, step).

Krippendorff's alpha, ordinal metric, missing values allowed: Krippendorff 2011, "Computing
Krippendorff's Alpha-Reliability", section E for any number of observers and his ordinal
difference. Weighted kappa: Cohen 1968, weights linear or quadratic in the distance of the ratings.
First-error agreement: the share of pairs of labelers on a solution with exactly the same first error,
or none on both sides.

Intervals are percentile bootstraps over solutions, never over steps: the steps of one solution
are rated by the same labelers in one session and depend on each other. Every statistic is a function of
sums over solutions, so a resample adds small tables. Above MAX_BATCHES solutions the bootstrap resamples
random batches, whose sums vary as much. The module needs no numpy, because the worker may lack the
training extra."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from zlib import crc32

from app.common.statistics import percentile_bounds

Judged = Mapping[Hashable, Sequence[int | None]]
"""Labeler -> ratings of a solution from its first step to the last rated one; None for no rating."""
Table = dict[tuple[int, int], float]
VALUES = (-1, 0, 1)
RESAMPLES = 400
MAX_BATCHES = 997
"""Number of batches to resample; enough to estimate the spread of a sum to within about 2%."""


@dataclass(frozen=True)
class Figure:
    """`value` is None without shared ratings, or if all ratings are equal."""

    value: float | None
    low: float | None
    high: float | None
    pairs: int
    """Number of pairs of ratings, or of pairs of submissions for first errors."""
    solutions: int


def krippendorff_alpha(solutions: Sequence[Judged], *, times: int = RESAMPLES, seed: int = 0) -> Figure:
    """Krippendorff's alpha (ordinal) over steps, with a 95 % interval."""
    return bootstrap_figure(
        Batches(map(coincidence_table, solutions)), alpha_of_table, times=times, seed=seed
    )


def weighted_kappa(
    solutions: Sequence[Judged],
    first: Hashable,
    second: Hashable,
    *,
    power: int = 2,
    times: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """Weighted kappa of two labelers over the steps both rated; `power` 1 linear, 2 quadratic."""
    tables = (pair_table(solution, first, second) for solution in solutions)
    return bootstrap_figure(
        Batches(tables), lambda table: kappa_of_table(table, power), times=times, seed=seed
    )


def first_error_agreement(solutions: Sequence[Judged], *, times: int = RESAMPLES, seed: int = 0) -> Figure:
    """Share of pairs of labelers with exactly the same first error, or none on both sides."""
    return bootstrap_figure(
        Batches(map(first_error_table, solutions)), share_of_table, times=times, seed=seed
    )


def first_error_position(ratings: Sequence[int | None]) -> int | None:
    return next((position for position, rating in enumerate(ratings) if rating == -1), None)


def coincidence_table(solution: Judged) -> Table:
    """Krippendorff's coincidence table of one solution: each step with m >= 2 ratings adds each
    ordered pair of them with weight 1 / (m - 1)."""
    coincidences: dict[tuple[int, int], float] = defaultdict(float)
    for position in range(max((len(ratings) for ratings in solution.values()), default=0)):
        step_ratings = [
            rating
            for ratings in solution.values()
            if position < len(ratings) and (rating := ratings[position]) is not None
        ]
        if len(step_ratings) < 2:
            continue
        count = Counter(step_ratings)
        for a in count:
            for b in count:
                coincidences[a, b] += count[a] * (count[b] - (a == b)) / (len(step_ratings) - 1)
    return dict(coincidences)


def pair_table(solution: Judged, first: Hashable, second: Hashable) -> Table:
    """Number of steps by pair of ratings (of `first`, of `second`)."""
    both = zip(solution.get(first, ()), solution.get(second, ()), strict=False)
    pairs = Counter((a, b) for a, b in both if a is not None and b is not None)
    return {pair: float(count) for pair, count in pairs.items()}


def first_error_table(solution: Judged) -> Table:
    """Pairs of labelers on a solution: key (0, 1) for the same first error, (0, 0) for different ones."""
    positions = [first_error_position(ratings) for ratings in solution.values()]
    same = Counter((0, int(a == b)) for a, b in combinations(positions, 2))
    return {pair: float(count) for pair, count in same.items()}


def alpha_of_table(table: Mapping[tuple[int, int], float]) -> float | None:
    """1 - observed / expected disagreement, with the ordinal difference
    (n_c / 2 + sum of n between c and k + n_k / 2) squared."""
    margin: dict[int, float] = defaultdict(float)
    for (value, _), weight in table.items():
        margin[value] += weight
    values, total = sorted(margin), sum(margin.values())
    observed = expected = 0.0
    for i, c in enumerate(values):
        for j in range(i + 1, len(values)):
            k = values[j]
            between = sum(margin[g] for g in values[i : j + 1]) - (margin[c] + margin[k]) / 2
            observed += table.get((c, k), 0.0) * between**2
            expected += margin[c] * margin[k] * between**2
    return None if not expected else 1 - (total - 1) * observed / expected


def kappa_of_table(table: Mapping[tuple[int, int], float], power: int = 2) -> float | None:
    rows: dict[int, float] = defaultdict(float)
    columns: dict[int, float] = defaultdict(float)
    for (a, b), weight in table.items():
        rows[a] += weight
        columns[b] += weight
    total = sum(rows.values())
    if not total:
        return None
    observed = sum(weight * abs(a - b) ** power for (a, b), weight in table.items())
    expected = sum(rows[a] * columns[b] * abs(a - b) ** power for a in rows for b in columns) / total
    return None if not expected else 1 - observed / expected


def share_of_table(table: Mapping[tuple[int, int], float]) -> float | None:
    total = sum(table.values())
    return table.get((0, 1), 0) / total if total else None


class Batches:
    """Tables of many solutions in bounded memory. The first MAX_BATCHES solutions have their own table;
    each further one is added to one of them, chosen by a hash of its number."""

    def __init__(self, tables: Iterable[Table] = ()) -> None:
        self.tables: list[Table] = []
        self.solutions = 0
        for table in tables:
            self.add(table)

    def add(self, table: Table) -> None:
        if not table:
            return
        if len(self.tables) < MAX_BATCHES:
            self.tables.append(dict(table))
        else:
            held = self.tables[crc32(self.solutions.to_bytes(8, "little")) % MAX_BATCHES]
            for pair, weight in table.items():
                held[pair] = held.get(pair, 0.0) + weight
        self.solutions += 1


def bootstrap_figure(
    batches: Batches, statistic: Callable[[Table], float | None], *, times: int = RESAMPLES, seed: int = 0
) -> Figure:
    """`statistic` of the sum of all tables, with its 95% percentile interval over resampled batches."""
    pairs = sorted({pair for table in batches.tables for pair in table})
    columns = [[table.get(pair, 0.0) for table in batches.tables] for pair in pairs]
    sums_of_all = dict(zip(pairs, map(sum, columns), strict=True))
    value, total = statistic(sums_of_all), round(sum(sums_of_all.values()))
    if value is None or batches.solutions < 2:
        return Figure(value, None, None, total, batches.solutions)
    chance = random.Random(seed)  # noqa: S311  a seeded resample, no secret
    places = range(len(batches.tables))
    drawn = []
    for _ in range(times):
        chosen = chance.choices(places, k=len(places))
        sums = (sum(map(column.__getitem__, chosen)) for column in columns)
        again = statistic({pair: weight for pair, weight in zip(pairs, sums, strict=True) if weight})
        if again is not None:
            drawn.append(again)
    if not drawn:
        return Figure(value, None, None, total, batches.solutions)
    low, high = percentile_bounds(drawn)
    return Figure(value, low, high, total, batches.solutions)
