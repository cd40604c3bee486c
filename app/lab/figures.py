"""Figures of budget sweeps as data. evaluation/plots.py renders them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.evaluation.plots import Plot, Series
from app.lab.config import STRATEGIES
from app.lab.models import SearchRun
from app.search import flops

OPTIMAL = {
    "oracle": "compute-optimal, difficulty by pass@1",
    "predicted": "compute-optimal, predicted difficulty",
}
SHOWN = ("weighted", "majority", "beam-4", "optimal-predicted")
BANDS = ("weighted", "optimal-predicted")
UNSTEERED = ("majority", "pass-at-n", *(f"optimal-{kind}" for kind in OPTIMAL))
LARGER = 14
"""Size ratio of the larger model in Snell et al. 2024, section 7."""


def list_plots(run: SearchRun) -> list[Plot]:
    results = run.results
    if run.problem_id or not results or "curves" not in results:
        return []
    return [_budget(results), *_compute(results), *_by_difficulty(results)]


def method_names(results: dict[str, Any]) -> list[str]:
    """In display order, because jsonb does not preserve order."""
    return [name for name in STRATEGIES if name in results["curves"]]


def iter_curves(results: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, label, interval) of every line."""
    for name in method_names(results):
        yield name, STRATEGIES[name], results["curves"][name]
    for kind, label in OPTIMAL.items():
        yield f"optimal-{kind}", label, results["optimal"][kind]
    yield "pass-at-n", "pass@N (upper bound)", results["pass_at_n"]


def warnings(results: dict[str, Any]) -> list[str]:
    """Warnings about using this model for search, from the results at the largest budget."""
    last = {name: curve for name, _, curve in iter_curves(results)}
    messages = []
    best, majority = last.get("best"), last.get("majority")
    if best and best["high"][-1] < results["pass_at_1"]:
        messages.append(
            "The highest-scored solution is correct less often than a random pick. A search amplifies the "
            "errors of this model. Label more solutions, or choose another model."
        )
    steered = [curve["mean"][-1] for name, curve in last.items() if name not in UNSTEERED]
    accuracies = [value for value in steered if value is not None]
    if majority and accuracies and max(accuracies) < majority["mean"][-1]:
        messages.append("A majority vote, which needs no model, beats every method with this model.")
    return messages


def _budget(results: dict[str, Any]) -> Plot:
    series = [
        Series(name, label, curve["mean"], curve["low"], curve["high"], name in SHOWN, name in BANDS)
        for name, label, curve in iter_curves(results)
    ]
    hint = (
        "Budget: solutions per problem. Shaded: 95% confidence interval over problems. Compute-optimal "
        "methods are selected on one half of the problems and measured on the other."
    )
    return Plot("budget", "Accuracy by budget", "budget", results["budgets"], series, log=True, hint=hint)


def flops_by_budget(results: dict[str, Any], generator: float) -> dict[str, list[float | None]]:
    """By method and budget: FLOPs per problem for generating and reading, in units of one generated solution.
    `generator`: its number of parameters."""
    solution_flops = flops.inference_flops(generator, results["sample_tokens"])
    if not solution_flops:  # the server reports no token counts
        return {}
    return {
        name: [
            None
            if generated is None or read is None
            else flops.search_flops(generator, generated, results["parameters"], read) / solution_flops
            for generated, read in zip(results["tokens"][name], results["read"][name], strict=True)
        ]
        for name in method_names(results)
    }


def _compute(results: dict[str, Any]) -> Iterator[Plot]:
    """Accuracy by FLOPs. Servers do not report their size; the size of the verifier is used instead, and the
    hint says so."""
    generator_parameters = results.get("generator_parameters")
    spent = flops_by_budget(results, generator_parameters or results["parameters"])
    if not spent:
        return
    x = sorted({value for values in spent.values() for value in values if value})
    places = {value: place for place, value in enumerate(x)}
    series = []
    for name, values in spent.items():
        curve = results["curves"][name]["mean"]
        line: list[float | None] = [None] * len(x)
        for value, accuracy in zip(values, curve, strict=True):
            if value:
                line[places[value]] = accuracy
        series.append(Series(name, STRATEGIES[name], line, shown=name in SHOWN))
    hint = (
        "Unit: one generated solution, at 2 N per token, where N is the number of generator parameters"
        + ("" if generator_parameters else " (unknown, so the size of the verifier is used)")
        + ". Tokens read by the verifier are included. Attention is excluded."
    )
    title, label = "Accuracy by compute", "compute, in solutions"
    yield Plot("compute", title, label, [round(value, 4) for value in x], series, log=True, hint=hint)


def _by_difficulty(results: dict[str, Any]) -> Iterator[Plot]:
    """Accuracy by difficulty bin at the largest budget."""
    last = len(results["budgets"]) - 1
    for kind in OPTIMAL:
        bins = results["bins"][kind]
        labels = [f"{entry['bin'] + 1} ({entry['problems']})" for entry in bins]
        series = [
            Series(
                name, STRATEGIES[name], [entry["right"][name][last] for entry in bins], shown=name in SHOWN
            )
            for name in method_names(results)
        ]
        description = "by pass@1" if kind == "oracle" else "predicted"
        yield Plot(
            f"difficulty-{kind}",
            f"Accuracy by difficulty, {description}",
            "difficulty",
            list(range(len(bins))),
            series,
            hint=f"Budget {results['budgets'][last]}. Fifths of the problems; 1 is the easiest. "
            "Parentheses: number of problems. Ties share a bin.",
            names=labels,
        )


def compare_larger_model(results: dict[str, Any], times: float, accuracy: float | None) -> dict[str, Any]:
    """Search accuracy at the total cost of a larger model (search/flops.py) for each R: at the largest budget
    that costs no more, including the tokens read by the verifier."""
    spent = flops_by_budget(results, results.get("generator_parameters") or results["parameters"])
    costs = [_cost(results, spent, place) for place in range(len(results["budgets"]))]
    reached = results["optimal"]["predicted"]["mean"]
    rows = []
    for ratio in flops.RATIOS:
        solutions = flops.matched_samples(times, ratio)
        place = max((at for at, cost in enumerate(costs) if cost is None or cost <= solutions), default=0)
        search_accuracy = reached[place]
        rows.append(
            {
                "ratio": ratio,
                "solutions": solutions,
                "budget": results["budgets"][place],
                "beyond": place == len(costs) - 1,
                "accuracy": search_accuracy,
                "better": None
                if accuracy is None or search_accuracy is None
                else 100 * search_accuracy >= accuracy,
            }
        )
    return {"times": times, "accuracy": accuracy, "rows": rows}


def _cost(results: dict[str, Any], spent: dict[str, list[float | None]], place: int) -> float | None:
    """Mean cost of the best method of each bin at this budget, over all problems."""
    total, problems = 0.0, 0
    for entry in results["bins"]["predicted"]:
        cost = spent.get(entry["best"][place] or "", [None] * (place + 1))[place]
        if cost is not None:
            total, problems = total + cost * entry["problems"], problems + entry["problems"]
    return total / problems if problems else None
