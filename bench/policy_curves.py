"""Draws the curves of a simulation as SVG: accuracy by labels, and by N at the last budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from app.simulation.config import BASELINES

Curve = Mapping[str, Sequence[float]]
"""`mean`, `low` and `high`, as shares."""
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "stepmark"})  # text stays text, files repeat


def draw_curves(summary: Mapping[str, Any], folder: Path) -> None:
    """Writes labels.svg and best-of-n.svg."""
    policies, baselines = summary["policies"], summary["baselines"]
    by_labels = {name: curves["by_budget"] for name, curves in policies.items()}
    title = f"{summary['world']}: best of {summary['n'][-1]} by labeled solutions"
    draw(folder / "labels.svg", title, "labeled solutions", summary["budgets"], by_labels)
    by_n = {f"PRM, {name}": curves["by_n"] for name, curves in policies.items()}
    by_n |= {label: baselines[name] for name, label in BASELINES.items() if name in baselines}
    title = f"{summary['world']}: best of N after {summary['budgets'][-1]} labeled solutions"
    draw(folder / "best-of-n.svg", title, "N", summary["n"], by_n)


def draw(path: Path, title: str, x_label: str, x: Sequence[int], curves: Mapping[str, Curve]) -> None:
    """A line with its interval per curve, over the logarithm of x. The legend gives the last value."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, (label, curve) in enumerate(curves.items()):
        percentages = {part: [100 * value for value in values] for part, values in curve.items()}
        style = ("-", "--", ":", "-.")[number % 4]
        (line,) = axes.plot(x, percentages["mean"], style, label=f"{label}: {percentages['mean'][-1]:.0f}%")
        axes.fill_between(x, percentages["low"], percentages["high"], color=line.get_color(), alpha=0.08)
    axes.set(title=title, xlabel=x_label, xscale="log", ylabel="problems solved, %")
    axes.set_xticks(x, [f"{value:g}" for value in x], minor=False)
    axes.minorticks_off()
    axes.grid(axis="y", color="#ddd")
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})
