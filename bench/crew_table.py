# ruff: noqa: E501
"""What came of the scripted crew, as printed: means, bootstraps over solutions, rank correlation."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence

from bench.crew_people import KINDS, Outcome


def ranked(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties shared."""
    return [
        statistics.mean(place for place, other in enumerate(sorted(values), 1) if other == value)
        for value in values
    ]


def rank_correlation(first: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's: the correlation of the ranks."""
    return statistics.correlation(ranked(first), ranked(other))


def averaged(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Solution -> mean over the seeds in which it was judged."""
    values_of = defaultdict(list)
    for run in runs:
        for name, value in run.items():
            values_of[name].append(value)
    return {name: statistics.mean(values) for name, values in values_of.items()}


def interval(values: Sequence[float], seed: int = 0, times: int = 2_000) -> tuple[float, float]:
    chance = random.Random(seed)  # noqa: S311
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(times))
    return means[int(0.025 * times)], means[int(0.975 * times) - 1]


def format_interval(values: Sequence[float], unit: Callable[[float], str]) -> str:
    low, high = interval(values)
    return f"{unit(statistics.fmean(values))} ({unit(low)} to {unit(high)})"


def share(value: float) -> str:
    return f"{100 * value:.1f}"


def more(value: float) -> str:
    return f"{100 * value:+.1f}"


def report(outcomes: list[Outcome]) -> None:
    people = [person for outcome in outcomes for person in outcome.people]
    print("\n| labelers | passed the screening | true accuracy | gold accuracy | gold judged by each |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        people_of_kind = [person for person in people if person.kind == kind]
        if not people_of_kind:
            continue
        screened = sum(person.screened is not None for person in people_of_kind)
        passed = (
            f"{sum(person.screened == 'passed' for person in people_of_kind)} of {screened}"
            if screened
            else "–"
        )
        right = [value for person in people_of_kind for value in person.right.values()]
        marks = [mark for person in people_of_kind for mark in person.marked]
        print(
            f"| {kind} | {passed} | {share(statistics.fmean(right)) + ' %' if right else '–'} "
            f"| {share(statistics.fmean(marks)) + ' %' if marks else '–'} | {len(marks) / len(people_of_kind):.0f} |"
        )
    correlations = [rank_of(outcome) for outcome in outcomes]
    print(
        f"\nRank correlation (Spearman) of gold accuracy with true accuracy, of those let in: "
        f"{statistics.fmean(correlations):.2f} on average, {min(correlations):.2f} to {max(correlations):.2f} over the seeds."
    )
    solutions = len(averaged([outcome.exact["majority"] for outcome in outcomes]))
    print(
        f"\n| final labels of {solutions} solutions | first error exact, % | more than majority | steps right, % | cannot be said, % |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    plain = averaged([outcome.exact["majority"] for outcome in outcomes])
    for way in outcomes[0].exact:
        exact = averaged([outcome.exact[way] for outcome in outcomes])
        steps = averaged([outcome.steps[way] for outcome in outcomes])
        unsaid = averaged([outcome.undecided[way] for outcome in outcomes])
        gain = (
            format_interval([exact[name] - plain[name] for name in plain], more) if way != "majority" else ""
        )
        print(
            f"| {way.replace('_', '-').replace('dawid-skene', 'Dawid-Skene')} | {format_interval(list(exact.values()), share)} | {gain} "
            f"| {format_interval(list(steps.values()), share)} | {share(statistics.fmean(unsaid.values()))} |"
        )
    for portion_name in outcomes[0].decisions:
        decided = statistics.fmean(outcome.decisions[portion_name] for outcome in outcomes)
        print(f"\n{portion_name[0].upper()}{portion_name[1:]} are {decided:.0f} decisions a seed.", end="")
    print()


def rank_of(outcome: Outcome) -> float:
    let_in = [person for person in outcome.people if person.marked and person.right]
    return rank_correlation(
        [statistics.fmean(person.marked) for person in let_in],
        [statistics.fmean(person.right.values()) for person in let_in],
    )
