"""What a user should know about the labels of a training run while it trains and afterwards."""

from __future__ import annotations

from app.training.models import TrainingRun

NOUNS = {"train": "training", "validation": "held-out"}


def list_warnings(run: TrainingRun) -> list[str]:
    """A warning for each split that lost negative labels, from which a model learns what an error is."""
    lost = run.progress.get("lost") or {}
    limit = int(run.config.get("max_length", 0))
    return [
        _describe(negative, NOUNS.get(split, split), limit)
        for split, losses in lost.items()
        if (negative := losses.get("negative_labels_cut"))
    ]


def _describe(negative: int, noun: str, limit: int) -> str:
    labels = "1 negative label" if negative == 1 else f"{negative:,} negative labels"
    return (
        f"{labels} of {noun} solutions {'is' if negative == 1 else 'are'} cut off, because the steps are"
        f" beyond max_length ({limit:,} tokens). Raise max_length to use them."
    )
