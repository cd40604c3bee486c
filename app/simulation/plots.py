"""Figures of a simulation, as data (evaluation/plots.py draws them), and what they say in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.evaluation.plots import Plot, Series
from app.simulation import policies
from app.simulation.config import REFERENCES
from app.simulation.models import Simulation
from app.simulation.policies import BASELINE

BLIND, ORACLE = "a blind draw", "pass@N, the most there is"
TESTS = {"plain": "", "shifted": ", longer problems"}
INTERVAL = "The shade is the 95 % interval over seeds and problems."


def plots(run: Simulation) -> list[Plot]:
    return [
        plot
        for test, words in TESTS.items()
        if run.results and (found := run.results.get(test))
        for plot in (_by_labels(found, test, words), _by_n(found, test, words))
    ]


def _by_labels(found: dict[str, Any], test: str, words: str) -> Plot:
    """What needs no step label is level: it does not change with their number."""
    series = [_series(name, name, each["by_budget"]) for name, each in _policies(found)]
    length = len(found["budgets"])
    flat = {name: (label, found["references"][name], -1) for name, label in _references(found)}
    flat["blind"] = (BLIND, found["references"]["oracle"], 0)
    for name, (label, curve, place) in flat.items():
        level = {part: [curve[part][place]] * length for part in ("mean", "low", "high")}
        series.append(_series(name, label, level, band=False))
    return Plot(
        _slug("labels", test),
        f"Best of {found['n'][-1]} by labeled solutions{words}",
        "labeled solutions",
        found["budgets"],
        series,
        log=True,
        hint=f"Every policy begins with the same first solutions, drawn at random. {INTERVAL}",
    )


def _by_n(found: dict[str, Any], test: str, words: str) -> Plot:
    series = [_series(name, name, each["by_n"]) for name, each in _policies(found)]
    for name, label in _references(found):
        series.append(_series(name, label, found["references"][name], band=False))
    series.append(_series("oracle", ORACLE, found["references"]["oracle"], band=False, shown=False))
    return Plot(
        _slug("best-of-n", test),
        f"Best of N after {found['budgets'][-1]} labeled solutions{words}",
        "N",
        found["n"],
        series,
        log=True,
        hint=f"N = 1 is a blind draw. {INTERVAL}",
    )


def _slug(name: str, test: str) -> str:
    return name if test == "plain" else f"{test}-{name}"


def _series(name: str, label: str, curve: dict[str, Any], *, band: bool = True, shown: bool = True) -> Series:
    return Series(name, label, curve["mean"], curve["low"], curve["high"], shown, band)


def _policies(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """In an order of ours: the database keeps none."""
    return [(name, found["policies"][name]) for name in policies.in_order(found["policies"])]


def _references(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, label)
        for name, label in REFERENCES.items()
        if name in found["references"] and name != "oracle"
    ]


@dataclass(frozen=True)
class Worth:
    policy: str
    ratio: float | None
    low: float | None
    high: float | None
    """None where it and the uniform policy reach no accuracy in common."""
    same: bool
    """Its curve is that of the uniform policy."""

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
    def said(self) -> str:
        if self.same:
            return "it came to what a random draw came to, at every number of labels"
        if self.low is None:
            return "no accuracy is reached by both it and a random draw, so they cannot be compared"
        if self.low > 1:
            return "it pays: fewer labels reach the same accuracy"
        if self.harms:
            return "it does harm: drawn at random, fewer labels reach the same accuracy"
        return "this simulation cannot tell it from a random draw, as the interval holds 1"


def worth(results: dict[str, Any]) -> list[Worth]:
    """Of every policy but the uniform one, which it is measured in."""
    found = results["plain"]
    told, curves = found.get("worth", {}), dict(_policies(found))
    return [
        Worth(name, each["ratio"], each["low"], each["high"], curves[name] == curves[BASELINE])
        for name in policies.in_order(told)
        if (each := told.get(name))
    ]


def warnings(results: dict[str, Any]) -> list[str]:
    """What a researcher should hear before anything is read off the curves. At the last budget."""
    found = results["plain"]
    last = {name: each["by_budget"]["mean"][-1] for name, each in _policies(found)}
    best = max(last.values())
    blind, majority = found["references"]["oracle"]["mean"][0], found["references"]["majority"]["mean"][-1]
    if best <= blind:
        return [
            "No model here chooses better than a blind draw: what separates the policies is by how much "
            "they fail. Take nothing from it for a round."
        ]
    if best <= majority:
        return ["A majority vote, which needs no label, does better than every model here."]
    return []
