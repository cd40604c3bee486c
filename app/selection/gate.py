"""PURE: is a selector competent? Held against blind choice and the majority vote before it is let
near the queue.

A PRM taught by few labels can choose worse than a blind draw (docs/evidence.md): what it then calls
convincing wrong answers teaches little, and the paper's choice does harm. So before a round chooses,
its model's best-of-N on validation problems is compared, problem by problem, with the same problem's
pass@1 (a blind draw) and majority vote at the same N. The differences are resampled over problems
(the percentile bootstrap; solutions of one problem hang together). Competent means: better than blind
beyond doubt, and not worse than the majority beyond doubt."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.selection.strategies import STRATEGIES

FALLBACKS = ("uniform", "mixture", "none")
TIMES = 1_000
PASSED, FAILED, INCONCLUSIVE = "competent", "not competent", "unchecked"


@dataclass(frozen=True)
class GateConfig:
    """What a round does with a selector that did not pass."""

    fallback: str = "uniform"
    """For one that is not competent: draw at random; a mixture, half as asked and half at random;
    or none, go on as asked."""
    unchecked: str = "mixture"
    """The same for one that could not be checked."""
    min_problems: int = 20
    """Validation problems it takes to say anything."""
    min_solutions: int = 4
    """Graded solutions a validation problem needs to count."""

    def action_after(self, verdict: str) -> str:
        return {FAILED: self.fallback, INCONCLUSIVE: self.unchecked}.get(verdict, "none")


@dataclass(frozen=True)
class Difference:
    """Mean over problems of best-of-N less something, with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class GateResult:
    verdict: str
    why: str
    problems: int = 0
    n: int = 0
    best_of: float = 0.0
    blind: float = 0.0
    majority: float = 0.0
    over_blind: Difference | None = None
    over_majority: Difference | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ProblemAccuracy:
    """One validation problem: chances of a right pick."""

    solutions: int
    blind: float
    best_of: float
    majority: float


def check_selector(
    problems: Sequence[ProblemAccuracy], n: int, gate: GateConfig, seed: int = 0
) -> GateResult:
    """The verdict on a selector from its validation problems at subset size `n`."""
    kept = [one for one in problems if one.solutions >= gate.min_solutions]
    if len(kept) < gate.min_problems or not kept:
        return GateResult(
            INCONCLUSIVE,
            f"{len(kept)} validation problems have {gate.min_solutions} graded solutions or more that the "
            f"model did not learn from; it takes {gate.min_problems} to tell.",
            problems=len(kept),
        )
    blind = difference([one.best_of - one.blind for one in kept], seed)
    majority = difference([one.best_of - one.majority for one in kept], seed)
    verdict = PASSED if blind.low > 0 and majority.high >= 0 else FAILED
    means = {
        name: sum(getattr(one, name) for one in kept) / len(kept) for name in ("best_of", "blind", "majority")
    }
    return GateResult(
        verdict, _why(blind, majority), len(kept), n, **means, over_blind=blind, over_majority=majority
    )


def _why(blind: Difference, majority: Difference) -> str:
    if blind.high < 0:
        return "It chooses worse than a blind draw."
    if blind.low <= 0:
        return "It is not shown to choose better than a blind draw."
    if majority.high < 0:
        return "It chooses worse than the majority vote."
    return "It chooses better than a blind draw, and not worse than the majority vote."


def difference(values: Sequence[float], seed: int = 0) -> Difference:
    """Mean and percentile interval over `TIMES` resamples. values: one a problem, at least one."""
    chance = random.Random(seed)  # noqa: S311 - the same verdict every time
    count = len(values)
    means = sorted(sum(chance.choices(values, k=count)) / count for _ in range(TIMES))
    return Difference(
        sum(values) / count, means[round(0.025 * (TIMES - 1))], means[round(0.975 * (TIMES - 1))]
    )


def applied_shares(asked: Mapping[str, float], fallback: str) -> dict[str, float]:
    """What is queued instead of `asked`; parts that add up to 1."""
    total = sum(asked.values())
    parts = {name: asked.get(name, 0.0) / total for name in STRATEGIES}
    if fallback == "uniform":
        return {name: float(name == "uniform") for name in STRATEGIES}
    if fallback == "mixture":
        return {name: (part + (name == "uniform")) / 2 for name, part in parts.items()}
    return parts
