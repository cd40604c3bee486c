"""The plots of evaluations and comparisons, from their results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.evaluation.plots import Plot, Series

LABELS = {
    "best_of": "best-of-N",
    "weighted": "weighted vote",
    "top_k": "top-k vote",
    "majority": "majority vote",
    "compute_optimal": "compute-optimal method",
    "pass_at_n": "pass@N (upper bound)",
}
BINNED = ("difficulty, by pass@1", "difficulty, as the model sees it")
EQUAL = "Up to five bins of problems, easiest first. Problems of equal difficulty share a bin."
CURVES = ("best_of", "weighted", "majority", "pass_at_n")
"""Curves that are visible at first. The legend shows the others."""
BANDS = ("best_of", "majority")
BY = ("level", "subject", *BINNED)


def evaluation_plots(results: dict[str, Any], top_k: int) -> list[Plot]:
    """The plots of an evaluation."""
    plots: list[Plot] = []
    if best := results.get("best_of_n"):
        plots.append(_best_of_n(best, top_k))
        if len(best["ways"]) > 1:
            plots.append(_ways(best))
        plots += _groups(best)
    if calibration := results.get("calibration"):
        plots += [_reliability(step_class) for step_class in calibration["classes"]]
    return plots


def _best_of_n(best: dict[str, Any], top_k: int) -> Plot:
    labels = {**LABELS, "top_k": f"top-{top_k} vote"}
    series = [
        Series(name, label, curve["mean"], curve["low"], curve["high"], name in CURVES, name in BANDS)
        for name, label in labels.items()
        if (curve := best["curves"].get(name))
    ]
    hint = (
        "Share of problems whose pick from N random solutions is correct. The band is the 95% interval over "
        "problems."
    )
    return Plot("best-of-n", "Best-of-N", "N", best["n"], series, log=True, hint=hint)


def _ways(best: dict[str, Any]) -> Plot:
    series = [
        Series(
            f"{way['aggregate']}-{way['neutral_is_positive']}",
            f"{way['aggregate']}, neutral as {'positive' if way['neutral_is_positive'] else 'negative'}",
            way["mean"],
            way["low"],
            way["high"],
            way["neutral_is_positive"] or way["main"],
            way["main"],
        )
        for way in best["ways"]
    ]
    hint = "The solution score is the product, minimum, last or mean of the step probabilities."
    title = "Solution score variants"
    return Plot("ways", title, "N", best["n"], series, log=True, hint=hint)


def _groups(best: dict[str, Any]) -> Iterator[Plot]:
    for by in BY:
        groups = [group for group in best["groups"] if group["by"] == by]
        if not groups:
            continue
        series = [
            Series("best_of", LABELS["best_of"], *_last(groups)),
            Series("majority", LABELS["majority"], [group["majority"][-1] for group in groups]),
            Series("pass_at_n", LABELS["pass_at_n"], [group["pass_at_n"][-1] for group in groups]),
        ]
        names = [f"{group['name']} ({group['problems']})" for group in groups]
        places = list(range(len(groups)))
        slug = "by-" + by.replace(",", "").replace("@", "").replace(" ", "-")
        hint = f"At N = {best['n'][-1]}. Number of problems in parentheses. {EQUAL if by in BINNED else ''}"
        yield Plot(slug, f"By {by}", by.capitalize(), places, series, hint=hint, names=names)


def _last(groups: list[dict[str, Any]]) -> tuple[list[float | None], list[float | None], list[float | None]]:
    mean, low, high = ([group["best_of"][part][-1] for group in groups] for part in ("mean", "low", "high"))
    return mean, low, high


def _reliability(step_class: dict[str, Any]) -> Plot:
    x = sorted({*step_class["before"]["claimed"], *step_class["after"]["claimed"]})

    def over(part: str) -> list[float | None]:
        rates = dict(zip(step_class[part]["claimed"], step_class[part]["happened"], strict=True))
        return [rates.get(claim) for claim in x]

    series = [
        Series("before", "before scaling", over("before")),
        Series("after", "after scaling", over("after")),
    ]
    slug = f"calibration-{step_class['name'].replace(' ', '-')}"
    title = f"Calibration of p({step_class['name']})"
    hint = "Points on the diagonal are perfectly calibrated. There are ten bins."
    return Plot(
        slug, title, "predicted probability", x, series, y_label="observed rate", diagonal=True, hint=hint
    )


def comparison_plots(results: dict[str, Any], first: str, second: str) -> list[Plot]:
    best = results.get("best_of_n")
    if not best:
        return []
    labels = {
        "first": first,
        "second": second,
        "majority": LABELS["majority"],
        "pass_at_n": LABELS["pass_at_n"],
    }
    curves = [
        Series(name, label, curve["mean"], curve["low"], curve["high"], band=name in ("first", "second"))
        for name, label in labels.items()
        if (curve := best["curves"][name])
    ]
    apart = best["difference"]
    difference = Series(
        "second", f"{second} minus {first}", apart["mean"], apart["low"], apart["high"], band=True
    )
    return [
        Plot("best-of-n", "Best-of-N, both models", "N", best["n"], curves, log=True),
        Plot(
            "difference",
            "Difference",
            "N",
            best["n"],
            [difference],
            y_label="difference",
            log=True,
            hint="Paired over problems. Above 0, the second model is better.",
        ),
    ]
