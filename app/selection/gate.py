"""PURE: the gate. May a newly trained selector choose what is labeled next?

A PRM trained on few labels can choose worse than a random pick (docs/evidence.md). What it calls
convincing wrong answers then teaches little, and active selection hurts. So before a round selects, the
model's best-of-N on validation problems is compared, problem by problem, with pass@1 (a random pick) and
with the majority vote at the same N. The differences are resampled over problems (percentile bootstrap;
solutions of one problem are not independent). The gate passes if the model is significantly better than
a random pick and not significantly worse than the majority vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.common.statistics import bootstrap_mean
from app.selection.strategies import BASELINE, STRATEGIES

RESAMPLES = 1_000
PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"


@dataclass(frozen=True)
class GateAction:
    """The action of a round after the gate."""

    id: str
    label: str
    """On the form."""
    sentence: str
    """On pages, and stored with each task's reason."""
    random_share: float
    """The part of the queue that is a random sample, 0 to 1; the rest is as requested."""


GATE_ACTIONS: dict[str, GateAction] = {
    action.id: action
    for action in (
        GateAction("random", "Queue at random", "The queue is a random sample instead.", 1.0),
        GateAction("half_random", "Queue half at random", "Half of the queue is a random sample.", 0.5),
        GateAction("proceed", "Queue as requested", "The requested mixture is used anyway.", 0.0),
    )
}
FORMER_ACTIONS = {"uniform": "random", "mixture": "half_random", "none": "proceed"}
FORMER_FIELDS = {"fallback": "if_failed", "unchecked": "if_inconclusive"}
HEADLINES = {PASSED: "Gate passed.", FAILED: "Gate failed.", INCONCLUSIVE: "Gate inconclusive."}


class GateConfig(BaseModel):
    """The actions of a round if the gate does not pass, and the evidence that the gate needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    if_failed: str = Field(default="random", description=f"One of: {', '.join(GATE_ACTIONS)}.")
    if_inconclusive: str = Field(default="half_random", description=f"One of: {', '.join(GATE_ACTIONS)}.")
    min_problems: int = Field(
        default=20, ge=2, le=100_000, strict=True, description="Validation problems needed for a result."
    )
    min_solutions: int = Field(
        default=4,
        ge=2,
        le=10_000,
        strict=True,
        description="Graded solutions a validation problem needs to count.",
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_former_fields(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {FORMER_FIELDS.get(name, name): value for name, value in data.items()}

    @field_validator("if_failed", "if_inconclusive")
    @classmethod
    def _check_action(cls, value: str) -> str:
        action = FORMER_ACTIONS.get(value, value)
        if action not in GATE_ACTIONS:
            raise ValueError(f"must be one of {', '.join(GATE_ACTIONS)}")
        return action

    def action_after(self, verdict: str) -> str:
        return {FAILED: self.if_failed, INCONCLUSIVE: self.if_inconclusive}.get(verdict, "proceed")


class Difference(BaseModel):
    """Mean over problems of best-of-N minus a baseline, with its 95% interval."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    mean: float
    """The mean."""
    low: float
    """Lower bound of the interval."""
    high: float
    """Upper bound of the interval."""


class GateResult(BaseModel):
    """The gate result of a selector. Stored with the round and its generation."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    verdict: str
    """passed, failed or inconclusive."""
    reason: str = ""
    """Why, in a sentence. Empty in simulations of earlier versions."""
    problems: int = 0
    """Validation problems that counted."""
    n: int = 0
    """Solutions per problem that best-of-N picks from."""
    best_of: float = 0.0
    """Accuracy of best-of-N by the model, 0 to 1."""
    pass_at_1: float = 0.0
    """Accuracy of a random pick, 0 to 1."""
    majority: float = 0.0
    """Accuracy of the majority vote, 0 to 1."""
    over_pass_at_1: Difference | None = None
    """Best-of-N minus a random pick. Null where too few problems counted."""
    over_majority: Difference | None = None
    """Best-of-N minus the majority vote. Null where too few problems counted."""
    action: str = "proceed"
    """The action of the round: a key of GATE_ACTIONS."""

    @property
    def passed(self) -> bool:
        return self.verdict == PASSED

    @property
    def headline(self) -> str:
        return HEADLINES[self.verdict]

    @property
    def consequence(self) -> str:
        """The action of the round; empty if the gate passed."""
        return "" if self.passed else GATE_ACTIONS[self.action].sentence

    @property
    def sentence(self) -> str:
        """For warnings, and for the reason of every task of the generation."""
        return f"{self.headline} {self.consequence}".strip()


@dataclass(frozen=True)
class ProblemAccuracy:
    """One validation problem: the probabilities of a correct pick, 0 to 1."""

    solutions: int
    pass_at_1: float
    best_of: float
    majority: float


def check_selector(
    problems: Sequence[ProblemAccuracy], n: int, gate: GateConfig, seed: int = 0
) -> GateResult:
    """The gate's verdict on a selector, from its validation problems at subset size `n`."""
    counted = [problem for problem in problems if problem.solutions >= gate.min_solutions]
    if len(counted) < gate.min_problems:
        return GateResult(
            verdict=INCONCLUSIVE,
            reason=f"Only {len(counted)} validation problems outside the training set have "
            f"{gate.min_solutions} or more graded solutions; {gate.min_problems} are needed.",
            problems=len(counted),
        )
    over_random = difference([row.best_of - row.pass_at_1 for row in counted], seed)
    over_majority = difference([row.best_of - row.majority for row in counted], seed)
    return GateResult(
        verdict=PASSED if over_random.low > 0 and over_majority.high >= 0 else FAILED,
        reason=_explain(over_random, over_majority),
        problems=len(counted),
        n=n,
        best_of=sum(row.best_of for row in counted) / len(counted),
        pass_at_1=sum(row.pass_at_1 for row in counted) / len(counted),
        majority=sum(row.majority for row in counted) / len(counted),
        over_pass_at_1=over_random,
        over_majority=over_majority,
    )


def _explain(over_random: Difference, over_majority: Difference) -> str:
    if over_random.high < 0:
        return "The model is worse than a random pick."
    if over_random.low <= 0:
        return "The model is not significantly better than a random pick."
    if over_majority.high < 0:
        return "The model is worse than the majority vote."
    return "The model is better than a random pick and not worse than the majority vote."


def difference(values: Sequence[float], seed: int = 0) -> Difference:
    """Mean and 95% percentile interval over RESAMPLES resamples. values: one a problem, at least one."""
    mean, low, high = bootstrap_mean(values, times=RESAMPLES, seed=seed)
    return Difference(mean=mean, low=low, high=high)


def applied_shares(requested: Mapping[str, float], action: str) -> dict[str, float]:
    """The shares that are queued after the gate, by strategy; they add up to 1.

    >>> shares = applied_shares({"convincing_wrong": 1}, "half_random")
    >>> {name: share for name, share in shares.items() if share}
    {'convincing_wrong': 0.5, 'random': 0.5}
    """
    total, random_share = sum(requested.values()), GATE_ACTIONS[action].random_share
    applied = {name: (1 - random_share) * requested.get(name, 0.0) / total for name in STRATEGIES}
    applied[BASELINE] += random_share
    return applied
