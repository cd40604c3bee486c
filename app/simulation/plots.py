"""Plots of a simulation as data (evaluation/plots.py renders them), and what label efficiency means in
words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.evaluation.plots import Plot, Series
from app.simulation.config import BASELINES
from app.simulation.models import Simulation
from app.simulation.policies import BASELINE, in_order

TESTS = {"plain": "", "shifted": ", longer problems"}
INTERVAL = "Shaded: 95% confidence interval over seeds and problems."


def list_plots(run: Simulation) -> list[Plot]:
    return [
        plot
        for test, suffix in TESTS.items()
        if run.results and (summary := run.results.get(test))
        for plot in (_by_labels(summary, test, suffix), _by_n(summary, test, suffix))
    ]


def _by_labels(summary: dict[str, Any], test: str, suffix: str) -> Plot:
    """Baselines are horizontal lines, because they need no step labels."""
    series = [_series(name, name, curves["by_budget"]) for name, curves in _policies(summary)]
    levels = [(name, label, summary["baselines"][name], -1) for name, label in _baselines(summary)]
    for name, label, curve, place in [*levels, ("blind", "random pick", summary["baselines"]["oracle"], 0)]:
        level = {part: [values[place]] * len(summary["budgets"]) for part, values in curve.items()}
        series.append(_series(name, label, level, band=False))
    return Plot(
        _slug("labels", test),
        f"Best of {summary['n'][-1]} by labeled solutions{suffix}",
        "labeled solutions",
        summary["budgets"],
        series,
        log=True,
        hint=f"All policies start with the same random solutions. {INTERVAL}",
    )


def _by_n(summary: dict[str, Any], test: str, suffix: str) -> Plot:
    series = [_series(name, name, curves["by_n"]) for name, curves in _policies(summary)]
    for name, label in _baselines(summary):
        series.append(_series(name, label, summary["baselines"][name], band=False))
    oracle = summary["baselines"]["oracle"]
    series.append(_series("oracle", "pass@N (upper bound)", oracle, band=False, shown=False))
    return Plot(
        _slug("best-of-n", test),
        f"Best of N after {summary['budgets'][-1]} labeled solutions{suffix}",
        "N",
        summary["n"],
        series,
        log=True,
        hint=f"N = 1 is a random pick. {INTERVAL}",
    )


def _slug(name: str, test: str) -> str:
    return name if test == "plain" else f"{test}-{name}"


def _series(name: str, label: str, curve: dict[str, Any], *, band: bool = True, shown: bool = True) -> Series:
    return Series(name, label, curve["mean"], curve["low"], curve["high"], shown, band)


def _policies(summary: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """In display order, because jsonb does not preserve order."""
    return [(name, summary["policies"][name]) for name in in_order(summary["policies"])]


def _baselines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    shown = {**BASELINES}
    del shown["oracle"]
    return [(name, label) for name, label in shown.items() if name in summary["baselines"]]


@dataclass(frozen=True)
class LabelEfficiency:
    policy: str
    ratio: float | None
    low: float | None
    high: float | None
    """None where the policy and random selection share no accuracy."""
    equals_random: bool
    """The curve of the policy is that of random selection."""

    @property
    def figure(self) -> str:
        return "?" if self.ratio is None else f"{self.ratio:.2f}"

    @property
    def interval(self) -> str:
        return "" if self.low is None else f"{self.low:.2f} to {self.high:.2f}"

    @property
    def harms(self) -> bool:
        return self.high is not None and self.high < 1

    @property
    def conclusion(self) -> str:
        if self.equals_random:
            return "Same accuracy as random selection at every number of labels."
        if self.low is None:
            return (
                "No accuracy is reached by both this policy and random selection, so they cannot be compared."
            )
        if self.low > 1:
            return "Fewer labels needed than with random selection."
        if self.harms:
            return "More labels needed than with random selection."
        return "No significant difference from random selection: the interval contains 1."


def list_label_efficiency(results: dict[str, Any]) -> list[LabelEfficiency]:
    """Of every policy but the random one, which it is measured in."""
    summary = results["plain"]
    ratios, curves = summary.get("label_efficiency", {}), summary["policies"]
    return [
        LabelEfficiency(name, **ratios[name], equals_random=curves[name] == curves[BASELINE])
        for name in in_order(ratios)
    ]


def list_warnings(results: dict[str, Any]) -> list[str]:
    """Warnings before anything is concluded from the curves, from the last budget."""
    summary = results["plain"]
    best = max(curves["by_budget"]["mean"][-1] for _, curves in _policies(summary))
    random_pick = summary["baselines"]["oracle"]["mean"][0]
    if best <= random_pick:
        return [
            "No model selects better than a random pick. The policies only differ in how much they fail. "
            "Do not base a round on this simulation."
        ]
    if best <= summary["baselines"]["majority"]["mean"][-1]:
        return ["A majority vote, which needs no labels, beats every model of this simulation."]
    return []
