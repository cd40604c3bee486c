"""The answers of the JSON API of simulations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.core.api import Answer, Page, RunAnswer, RunProgress


class SimulationProgress(RunProgress):
    """What a simulation does now. `done` and `total` are measurements."""

    seed: int | None = None
    """The current seed."""


class SimulationAnswer(RunAnswer):
    """A simulation without its measurements."""

    runner: Literal["in_process", "end_to_end"]
    """`end_to_end`: run by an earlier version through its desk and worker."""
    config: dict[str, int | float | str | list[str]]
    """Options, without the seed (docs/simulations.md)."""
    policies: list[str]
    """IDs of the policies."""
    seeds: list[int]
    """Seeds that every policy runs with."""
    progress: SimulationProgress
    """What it does now."""


class SimulationPage(Page):
    """Simulations, newest first."""

    simulations: list[SimulationAnswer]
    """At most 100."""


class GateSummary(Answer):
    """The gate result of the selector that chose the newest labels."""

    verdict: Literal["passed", "failed", "inconclusive"]
    """Result of the gate."""
    reason: str = ""
    """Why."""
    best_of: float | None = None
    """Best-of-N of the selector on the validation problems, 0 to 1."""
    pass_at_1: float | None = None
    """A random pick."""
    majority: float | None = None
    """The majority vote."""


class Measurement(Answer):
    """A PRM trained on so many labels of one policy, measured on one test set."""

    seed: int
    """Seed of the run."""
    policy: str
    """ID of the policy."""
    test_set: Literal["plain", "shifted"]
    """`shifted` has longer problems than the training data."""
    budget: int
    """Labeled solutions, the initial ones included."""
    labeled: int
    """Fewer than the budget if the pool had no more."""
    negative: int
    """Labeled solutions with a negative step."""
    n: list[int]
    """Values of N."""
    best_of: list[float]
    """Best-of-N by N, 0 to 1."""
    gate: GateSummary | None
    """Null for initial labels and for random selection."""
    seconds: dict[str, float]
    """Time spent on training and scoring."""


class Interval(Answer):
    """Means with 95% intervals over seeds and problems, 0 to 1."""

    mean: list[float]
    """Means."""
    low: list[float]
    """Lower bounds."""
    high: list[float]
    """Upper bounds."""


class PolicyCurves(Answer):
    """Best-of-N of one policy."""

    by_budget: Interval
    """By budget, at the largest N."""
    by_n: Interval
    """By N, at the last budget."""


class EfficiencyInterval(Answer):
    """Random labels worth one label of the policy. Null if both share no accuracy."""

    ratio: float | None
    """The ratio of labels at equal accuracy."""
    low: float | None
    """Lower bound of the 95% interval."""
    high: float | None
    """Upper bound of the 95% interval."""


class ExtraCurve(Interval):
    """Random selection, with its extra budgets."""

    budgets: list[int]
    """All budgets of random selection."""


class SimulationSummary(Answer):
    """The results on one test set, over all seeds."""

    world: str
    """The world."""
    test: str
    """The test set."""
    seeds: int
    """Number of seeds."""
    budgets: list[int]
    """Numbers of labeled solutions."""
    n: list[int]
    """Values of N."""
    policies: dict[str, PolicyCurves]
    """By policy."""
    baselines: dict[str, Interval]
    """By baseline, by N: majority, orm, judge (perfect labels) and oracle (pass@N)."""
    label_efficiency: dict[str, EfficiencyInterval] = Field(default_factory=dict)
    """By policy. Empty without the policy random."""
    random_extra: ExtraCurve | None = None
    """Null without extra budgets."""


class SimulationDetails(SimulationAnswer):
    """A simulation with its measurements so far and its results."""

    measurements: list[Measurement]
    """By seed, policy, test set and budget."""
    results: dict[str, SimulationSummary] | None
    """By test set. Null until the simulation has succeeded."""
