"""The tables of docs/evidence.md, from the folders of simulations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.simulation.config import BASELINES
from app.simulation.label_efficiency import Efficiency, Pair, Resamples, label_efficiency, label_ratio
from app.simulation.policies import BASELINE
from app.simulation.policy_run import load_results, result_path
from app.simulation.summary import largest_n, load_config, load_curves


def find_complete_folders(out: Path, name: str, world: str, policies: Sequence[str]) -> list[Path]:
    """The simulations in `out` in which every policy has its last budget."""
    return [
        folder
        for folder in sorted(out.glob(f"{name}-{world}-[0-9]*"))
        if all(result_path(folder, policy, load_config(folder).counts[-1]).is_file() for policy in policies)
    ]


def efficiency_over_worlds(
    worlds: Sequence[Sequence[Path]], policies: Sequence[str], test: str = "plain"
) -> dict[str, Efficiency]:
    """Label efficiency over several worlds. Seeds and problems are resampled within each."""
    pairs: dict[str, list[Pair]] = {policy: [] for policy in policies}
    for seed, folders in enumerate(worlds):
        random = largest_n([load_curves(folder, BASELINE, test) for folder in folders])
        resamples = Resamples([len(rows) for rows in random], seed=seed)
        budgets = load_config(folders[0]).random_counts
        for policy in policies:
            values = largest_n([load_curves(folder, policy, test) for folder in folders])
            pairs[policy].append(Pair(random, values, budgets, resamples))
    return {policy: label_efficiency(worlds_of_policy) for policy, worlds_of_policy in pairs.items()}


def step_accuracies(folders: Sequence[Path], policies: Sequence[str], test: str = "plain") -> dict[str, Any]:
    """By policy: the mean over seeds of the step accuracy by budget, and the label ratio by seed at equal
    step accuracy. A problem has one best answer but many steps, so step accuracy varies less by chance."""
    config = load_config(folders[0])
    values = {
        policy: np.array(
            [
                [result["tests"][test]["step_accuracy"] for result in load_results(folder, policy)]
                for folder in folders
            ]
        )
        for policy in policies
    }
    accuracies: dict[str, Any] = {
        policy: {"mean": rows.mean(0)[: len(config.counts)].round(4).tolist()}
        for policy, rows in values.items()
    }
    for policy in values if BASELINE in values else ():
        pairs = zip(values[BASELINE], values[policy], strict=True)
        ratios = [label_ratio(random, rows, config.random_counts) for random, rows in pairs]
        accuracies[policy]["ratios"] = [None if ratio is None else round(ratio, 3) for ratio in ratios]
    return accuracies


def world_table(efficiencies: Mapping[str, Efficiency], worlds: Sequence[str]) -> Iterator[str]:
    """Label efficiency by best-of-N over all worlds."""
    yield from header(["label efficiency", ", ".join(worlds)])
    for policy, efficiency in efficiencies.items():
        yield row([policy, format_efficiency(efficiency)])


def label_table(summary: Mapping[str, Any]) -> Iterator[str]:
    """Best-of-N at the largest N by labeled solutions, and label efficiency."""
    yield from budget_header(summary, f"best of {summary['n'][-1]}", "label efficiency")
    for policy, curves in summary["policies"].items():
        efficiency = summary.get("label_efficiency", {}).get(policy)
        last = "1" if efficiency is None else format_efficiency(efficiency)
        yield row([policy, *format_intervals(curves["by_budget"]), last])
    if extra := summary.get("random_extra"):
        cells = zip(extra["budgets"], format_intervals(extra), strict=True)
        beyond = [f"{cell} after {budget:,}" for budget, cell in cells if budget > summary["budgets"][-1]]
        yield from ["", f"Random with more labels: {', '.join(beyond)} labels."]


def step_table(summary: Mapping[str, Any], accuracies: Mapping[str, Any]) -> Iterator[str]:
    yield from budget_header(summary, "step accuracy", "label efficiency by seed")
    for policy, values in accuracies.items():
        ratios = ", ".join("-" if ratio is None else f"{ratio:.2f}" for ratio in values.get("ratios", []))
        yield row([policy, *(f"{100 * share:.1f}" for share in values["mean"]), ratios])


def n_table(summary: Mapping[str, Any]) -> Iterator[str]:
    """Best of N after the last labels, and the baselines."""
    places = range(0, len(summary["n"]), 2)
    sizes = [f"N = {summary['n'][place]}" for place in places]
    yield from header([f"{summary['world']}, after {summary['budgets'][-1]:,} labels", *sizes])
    baselines = summary["baselines"]
    rows = {f"PRM, {policy}": curves["by_n"] for policy, curves in summary["policies"].items()}
    rows |= {label: baselines[name] for name, label in BASELINES.items() if name in baselines}
    for label, curve in rows.items():
        cells = format_intervals(curve)
        yield row([label, *(cells[place] for place in places)])


def budget_header(summary: Mapping[str, Any], measure: str, last: str) -> list[str]:
    budgets = [f"{budget:,}" for budget in summary["budgets"]]
    return header([f"{summary['world']}: {measure}", *budgets, last])


def header(cells: Sequence[str]) -> list[str]:
    return [row(cells), "| --- |" + " ---: |" * (len(cells) - 1)]


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def format_efficiency(efficiency: Efficiency) -> str:
    if efficiency["ratio"] is None:
        return "cannot be computed"
    return "{ratio:.2f} ({low:.2f} to {high:.2f})".format(**efficiency)


def format_intervals(curve: Mapping[str, Sequence[float]]) -> list[str]:
    """Percentages with their intervals."""
    return [
        f"{100 * mean:.0f} ({100 * low:.0f} to {100 * high:.0f})"
        for mean, low, high in zip(curve["mean"], curve["low"], curve["high"], strict=True)
    ]
