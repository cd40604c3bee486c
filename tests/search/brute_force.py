"""The methods again, written from the papers' words with other means: for each way chance can
fall, in exact fractions. Nothing of app.search is used."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from fractions import Fraction

from tests.search.tabular_world import ANSWERS, BRANCHES, CORRECT, Steps, ends

Dist = dict[Steps | None, Fraction]


def value(steps: Steps, how: str) -> float:
    prefix = [CORRECT[steps[:n]] for n in range(1, len(steps) + 1)]
    return {
        "product": math.prod(prefix),
        "minimum": min(prefix),
        "last": prefix[-1],
        "mean": sum(prefix) / len(prefix),
    }[how]


def elected(solutions: list[Steps], how: str, pick: str) -> Steps | None:
    """`solutions` with their repetitions, if they count."""
    if not solutions:
        return None
    total: dict[int, float] = defaultdict(float)
    for prefix in solutions:
        total[ANSWERS[prefix[-1]]] += {"weighted": value(prefix, how), "majority": 1.0, "best": 0.0}[pick]
    most = max(total.values())
    winners = {answer for answer in total if math.isclose(total[answer], most)}
    return max(
        (prefix for prefix in solutions if ANSWERS[prefix[-1]] in winners),
        key=lambda prefix: value(prefix, how),
    )


def whole_solutions() -> dict[Steps, Fraction]:
    finished, open_ones = {}, {(): Fraction(1)}
    while open_ones:
        steps, probability = open_ones.popitem()
        for step, chance in BRANCHES[steps].items():
            (finished if ends(step) else open_ones)[(*steps, step)] = probability * chance
    return finished


def best_of_n(n: int, how: str, pick: str) -> Dist:
    distribution: Dist = defaultdict(Fraction)
    for sample in itertools.product(whole_solutions().items(), repeat=n):
        chosen = elected([steps for steps, _ in sample], how, pick)
        distribution[chosen] += math.prod((chance for _, chance in sample), start=Fraction(1))
    return dict(distribution)


def greedy(steps: Steps, k: int) -> Steps:
    for _ in range(k):
        if not ends(steps[-1]):
            options = BRANCHES[steps]
            steps = (*steps, max(options, key=lambda step: options[step]))
    return steps


def beam(n: int, width: int, k: int, how: str, rounds: int = 40) -> Dist:
    """Over all ways: (beam, everything finished so far) with its probability, round by round."""
    states = {(frozenset({()}), frozenset()): Fraction(1)}
    for _ in range(rounds):
        after: dict[tuple[frozenset[Steps], frozenset[Steps]], Fraction] = defaultdict(Fraction)
        for (beam_prefixes, done), chance in states.items():
            live = [prefix for prefix in beam_prefixes if not (prefix and ends(prefix[-1]))]
            if not live:
                after[beam_prefixes, done] += chance
                continue
            # in the order of their value: the order in which they share what there is
            live.sort(key=lambda prefix: -value(greedy(prefix, k), how) if prefix else 0)
            room = n - width * (len(beam_prefixes) - len(live))
            places = [live[number % len(live)] for number in range(room)]
            for drawn in itertools.product(*(BRANCHES[prefix].items() for prefix in places)):
                new = {(*prefix, step) for prefix, (step, _) in zip(places, drawn, strict=True)}
                pool = new | {prefix for prefix in beam_prefixes if prefix and ends(prefix[-1])}
                best = sorted(pool, key=lambda prefix: -value(greedy(prefix, k), how))[: n // width]
                finished = done | {prefix for prefix in new if ends(prefix[-1])}
                probability = math.prod((share for _, share in drawn), start=Fraction(1))
                after[frozenset(best), frozenset(finished)] += chance * probability
        states = after
    distribution: Dist = defaultdict(Fraction)
    for (_, done), chance in states.items():
        distribution[elected(sorted(done), how, "weighted")] += chance
    return dict(distribution)


def one_subtree(width: int, how: str) -> dict[frozenset[Steps], Fraction]:
    """What one subtree of DVTS finishes."""
    ended: dict[frozenset[Steps], Fraction] = defaultdict(Fraction)
    states = {((), frozenset()): Fraction(1)}
    while states:
        after: dict[tuple[Steps, frozenset[Steps]], Fraction] = defaultdict(Fraction)
        for (at, done), chance in states.items():
            for drawn in itertools.product(BRANCHES[at].items(), repeat=width):
                new = {(*at, step) for step, _ in drawn}
                best = max(new, key=lambda prefix: value(prefix, how))
                finished = done | {prefix for prefix in new if ends(prefix[-1])}
                share = chance * math.prod((part for _, part in drawn), start=Fraction(1))
                if ends(best[-1]):
                    ended[frozenset(finished)] += share
                else:
                    after[best, frozenset(finished)] += share
        states = after
    return dict(ended)


def dvts(n: int, width: int, how: str) -> Dist:
    distribution: Dist = defaultdict(Fraction)
    for subtrees in itertools.product(one_subtree(width, how).items(), repeat=n // width):
        solutions = [prefix for done, _ in subtrees for prefix in sorted(done)]
        chance = math.prod((share for _, share in subtrees), start=Fraction(1))
        distribution[elected(solutions, how, "weighted")] += chance
    return dict(distribution)
