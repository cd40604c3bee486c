"""PURE: the most probable rating of each step, and the reliability of each labeler.

Dawid & Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm" (Applied
Statistics 28, 20-28). Every step has an unknown true rating; if it is j, a labeler gives rating l with a
probability of their own. EM alternates between estimating the true ratings from the labelers and the labelers
from the ratings. It starts from the shares of votes (their equation 3.1).

Two additions. A step whose rating is known, because it was adjudicated, keeps it and is evidence for the
labelers' reliability. And each labeler's rates are shrunk towards those of all labelers, with the weight of
`prior` ratings: in the paper everybody rated everything, but here a new labeler may have rated ten steps,
and a rate of 0 out of two would outvote everyone. With `prior` 0 the estimates are the paper's.

Steps with the same ratings by the same labelers are counted once, in a fixed order: the work grows with the
number of distinct patterns rather than of steps, and the same labels always give the same numbers. Plain
Python: rounds freeze snapshots on workers without NumPy (docs/decisions/aggregation.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

StepRatings = tuple[tuple[int, int], ...]
"""(labeler, rating) pairs of a step, sorted. A labeler may occur more than once."""
RatingCounts = Mapping[tuple[StepRatings, int | None], int]
"""(ratings of a step, its known rating or None) -> number of such steps."""
PRIOR = 10.0
MIN_RATE = 1e-10
"""No rate is estimated as impossible."""
TOLERANCE = 1e-5
MAX_ROUNDS = 100


@dataclass(frozen=True)
class DawidSkeneFit:
    ratings: list[int]
    shares: list[float]
    """Share of the steps by true rating: equation 2.4. Sums to 1."""
    rates: dict[int, list[list[float]]]
    """Labeler -> [true rating][given rating]: equation 2.3. Each row sums to 1."""
    rounds: int

    def posterior(self, step_ratings: StepRatings) -> dict[int, float]:
        """True rating -> its probability, given the ratings of a step: equation 2.5. Labelers unknown to
        the fit are ignored: labels may arrive while a snapshot is created."""
        index = {rating: number for number, rating in enumerate(self.ratings)}
        pairs = [(who, rating) for who, rating in step_ratings if who in self.rates and rating in index]
        logs = [
            log(max(share, MIN_RATE))
            + sum(log(max(self.rates[labeler][true][index[rating]], MIN_RATE)) for labeler, rating in pairs)
            for true, share in enumerate(self.shares)
        ]
        return dict(zip(self.ratings, _normalize_logs(logs), strict=True))


@dataclass(frozen=True)
class _Pattern:
    """Ratings of a step as cells: labeler index times the number of ratings, plus rating index."""

    cells: list[int]
    true_rating: int | None
    """Index of the known rating, or None."""
    count: int
    """Steps with this pattern."""


def fit(
    steps: RatingCounts, *, prior: float = PRIOR, tolerance: float = TOLERANCE, max_rounds: int = MAX_ROUNDS
) -> DawidSkeneFit:
    """EM until the beliefs change by less than `tolerance` per step on average, for at most `max_rounds`."""
    ratings, labelers, patterns = _index(steps)
    k = len(ratings)
    beliefs = [_vote_shares(pattern, k) for pattern in patterns]
    total, rounds = sum(pattern.count for pattern in patterns), 0
    shares, rates = _estimate_labelers(patterns, beliefs, len(labelers), k, prior)
    while rounds < max_rounds:
        rounds += 1
        previous, beliefs = beliefs, _estimate_ratings(patterns, shares, rates)
        shares, rates = _estimate_labelers(patterns, beliefs, len(labelers), k, prior)
        change = sum(
            pattern.count * abs(new - old)
            for pattern, after, before in zip(patterns, beliefs, previous, strict=True)
            for new, old in zip(after, before, strict=True)
        )
        if change <= tolerance * total:
            break
    by_labeler = {
        labeler: [row[k * number : k * number + k] for row in rates]
        for number, labeler in enumerate(labelers)
    }
    return DawidSkeneFit(ratings, shares, by_labeler, rounds)


def _index(steps: RatingCounts) -> tuple[list[int], list[int], list[_Pattern]]:
    """The ratings, the labelers and the patterns, in a fixed order."""
    ratings = sorted({r for pairs, true in steps for r in [*(r for _, r in pairs), true] if r is not None})
    labelers = sorted({labeler for pairs, _ in steps for labeler, _ in pairs})
    k, number = len(ratings), {labeler: index for index, labeler in enumerate(labelers)}
    index = {rating: position for position, rating in enumerate(ratings)}
    patterns = [
        _Pattern(
            [k * number[labeler] + index[r] for labeler, r in pairs],
            None if true is None else index[true],
            count,
        )
        for (pairs, true), count in sorted(steps.items(), key=lambda item: (item[0][0], str(item[0][1])))
    ]
    return ratings, labelers, patterns


def _vote_shares(pattern: _Pattern, k: int) -> list[float]:
    votes = Counter(cell % k for cell in pattern.cells)
    if pattern.true_rating is not None:
        votes = Counter([pattern.true_rating])
    return [votes[rating] / votes.total() for rating in range(k)]


def _estimate_ratings(
    patterns: list[_Pattern], shares: list[float], rates: list[list[float]]
) -> list[list[float]]:
    """The E step: beliefs [pattern][true rating]."""
    log_shares = [log(max(share, MIN_RATE)) for share in shares]
    log_rates = [[log(max(rate, MIN_RATE)) for rate in row] for row in rates]
    beliefs = []
    for pattern in patterns:
        if pattern.true_rating is not None:
            beliefs.append([float(pattern.true_rating == true) for true in range(len(shares))])
            continue
        logs = [
            log_share + sum([row[cell] for cell in pattern.cells])
            for log_share, row in zip(log_shares, log_rates, strict=True)
        ]
        beliefs.append(_normalize_logs(logs))
    return beliefs


def _estimate_labelers(
    patterns: list[_Pattern], beliefs: list[list[float]], labelers: int, k: int, prior: float
) -> tuple[list[float], list[list[float]]]:
    """The M step: shares [true rating], rates [true rating][cell]."""
    shares, counts = [0.0] * k, [[0.0] * (labelers * k) for _ in range(k)]
    for pattern, belief in zip(patterns, beliefs, strict=True):
        for true, probability in enumerate(belief):
            weight = probability * pattern.count
            shares[true] += weight
            row = counts[true]
            for cell in pattern.cells:
                row[cell] += weight
    total = sum(shares) or 1.0
    return [share / total for share in shares], [_shrink(row, labelers, k, prior) for row in counts]


def _shrink(row: list[float], labelers: int, k: int, prior: float) -> list[float]:
    """Counts of each labeler's ratings of steps with one true rating, as rates shrunk towards all
    labelers'."""
    pooled = [sum(row[rating::k]) for rating in range(k)]
    pseudocounts = [prior * count / (sum(pooled) or 1.0) for count in pooled]
    rates: list[float] = []
    for labeler in range(labelers):
        own = row[k * labeler : k * labeler + k]
        shrunk = [count + extra for count, extra in zip(own, pseudocounts, strict=True)]
        total = sum(shrunk) or 1.0
        rates.extend(count / total for count in shrunk)
    return rates


def _normalize_logs(logs: list[float]) -> list[float]:
    """Probabilities in proportion to exp(logs)."""
    highest = max(logs)
    weights = [exp(value - highest) for value in logs]
    total = sum(weights)
    return [weight / total for weight in weights]
