"""PURE: what several labelers most likely saw, and how reliable each of them is.

Dawid & Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm"
(Applied Statistics 28, 20-28). Every step has a true rating that nobody knows; where it is j, a
labeler says l with a probability of their own. EM takes turns at estimating the ratings from the
labelers and the labelers from the ratings; it starts from the shares of votes (their equation 3.1).

Two things are added. A step whose rating is known, because it was adjudicated, keeps it and
teaches who is right. And each labeler's rates lean on those of all labelers together, with the
weight of PRIOR ratings: in the paper everybody judged everything, here a new labeler has judged ten
steps, and a rate of 0 out of two would outvote everyone. With `prior` 0 it is the paper's.

Steps about which the same people said the same are counted once and taken in a fixed order: the
work grows with the ways people differ, not with the steps, and the same labels always give the
same numbers. No numpy: the web process freezes snapshots too (docs/decisions/aggregation.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

StepRatings = tuple[tuple[int, int], ...]
"""(labeler, rating) of a step, sorted. Someone may be in it more than once."""
RatingCounts = Mapping[tuple[StepRatings, int | None], int]
"""What was said of a step, and its known rating or None -> how many steps are like that."""
PRIOR = 10.0
FLOOR = 1e-10
"""No rate is taken for quite impossible."""
TOLERANCE = 1e-5
ROUNDS = 100


@dataclass(frozen=True)
class DawidSkeneFit:
    ratings: list[int]
    shares: list[float]
    """Of the steps, by true rating: equation 2.4. Sums to 1."""
    rates: dict[int, list[list[float]]]
    """Labeler -> [true][said]: equation 2.3. Each row sums to 1."""
    rounds: int

    def posterior(self, said: StepRatings) -> dict[int, float]:
        """True rating -> its probability, given what was said: equation 2.5. Whoever the fit has not
        met says nothing: labels may come in while a snapshot is frozen."""
        place = {rating: number for number, rating in enumerate(self.ratings)}
        said = tuple((who, rating) for who, rating in said if who in self.rates and rating in place)
        logs = [
            log(max(share, FLOOR))
            + sum(log(max(self.rates[who][true][place[rating]], FLOOR)) for who, rating in said)
            for true, share in enumerate(self.shares)
        ]
        return dict(zip(self.ratings, _from_logs(logs), strict=True))


@dataclass(frozen=True)
class _Way:
    """Labelers and ratings as cells: number of the labeler times the ratings, plus that of the rating."""

    cells: list[int]
    known: int | None
    many: int


def fit(
    steps: RatingCounts, *, prior: float = PRIOR, tolerance: float = TOLERANCE, most: int = ROUNDS
) -> DawidSkeneFit:
    """EM until the beliefs move by less than `tolerance` a step on average, at most `most` rounds."""
    ratings = sorted({r for said, known in steps for r in [*(r for _, r in said), known] if r is not None})
    people = sorted({who for said, _ in steps for who, _ in said})
    k, number = len(ratings), {who: at for at, who in enumerate(people)}
    place = {rating: at for at, rating in enumerate(ratings)}
    ways = [
        _Way([k * number[who] + place[r] for who, r in said], None if known is None else place[known], many)
        for (said, known), many in sorted(steps.items(), key=lambda each: (each[0][0], str(each[0][1])))
    ]
    beliefs = [_votes(way, k) for way in ways]
    total, rounds = sum(way.many for way in ways), 0
    shares, rates = _people(ways, beliefs, len(people), k, prior)
    while rounds < most:
        rounds += 1
        before, beliefs = beliefs, _ratings(ways, shares, rates)
        shares, rates = _people(ways, beliefs, len(people), k, prior)
        moved = sum(
            way.many * abs(new - old)
            for way, one, other in zip(ways, beliefs, before, strict=True)
            for new, old in zip(one, other, strict=True)
        )
        if moved <= tolerance * total:
            break
    by_labeler = {who: [row[k * at : k * at + k] for row in rates] for who, at in number.items()}
    return DawidSkeneFit(ratings, shares, by_labeler, rounds)


def _votes(way: _Way, k: int) -> list[float]:
    votes = Counter(cell % k for cell in way.cells)
    if way.known is not None:
        votes = Counter([way.known])
    return [votes[rating] / votes.total() for rating in range(k)]


def _ratings(ways: list[_Way], shares: list[float], rates: list[list[float]]) -> list[list[float]]:
    """The E step: [way][true]."""
    base = [log(max(share, FLOOR)) for share in shares]
    logs = [[log(max(rate, FLOOR)) for rate in row] for row in rates]
    found = []
    for way in ways:
        if way.known is not None:
            found.append([float(way.known == true) for true in range(len(base))])
            continue
        found.append(
            _from_logs(
                [
                    start + sum([row[cell] for cell in way.cells])
                    for start, row in zip(base, logs, strict=True)
                ]
            )
        )
    return found


def _people(
    ways: list[_Way], beliefs: list[list[float]], people: int, k: int, prior: float
) -> tuple[list[float], list[list[float]]]:
    """The M step: shares [true], rates [true][cell]."""
    shares, counts = [0.0] * k, [[0.0] * (people * k) for _ in range(k)]
    for way, belief in zip(ways, beliefs, strict=True):
        for true, chance in enumerate(belief):
            weight = chance * way.many
            shares[true] += weight
            row = counts[true]
            for cell in way.cells:
                row[cell] += weight
    total = sum(shares) or 1.0
    return [share / total for share in shares], [_leaning(row, people, k, prior) for row in counts]


def _leaning(row: list[float], people: int, k: int, prior: float) -> list[float]:
    """Counts of what each labeler said of steps of one true rating, as rates."""
    together = [sum(row[rating::k]) for rating in range(k)]
    lean = [prior * each / (sum(together) or 1.0) for each in together]
    rates: list[float] = []
    for at in range(people):
        mine = [count + extra for count, extra in zip(row[k * at : k * at + k], lean, strict=True)]
        whole = sum(mine) or 1.0
        rates.extend(each / whole for each in mine)
    return rates


def _from_logs(logs: list[float]) -> list[float]:
    most = max(logs)
    weights = [exp(each - most) for each in logs]
    total = sum(weights)
    return [weight / total for weight in weights]
