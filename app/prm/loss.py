"""The loss of an optimiser step, whatever micro-batches it is computed in."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def step_loss(logits: Tensor, targets: Tensor, labeled: int) -> Tensor:
    """Cross-entropy summed over this micro-batch's labeled steps, divided by `labeled`, the
    number of labeled steps of the WHOLE optimiser step. Adding up the micro-batches gives the
    mean over labeled steps, so batch layout does not change the gradient.

    logits: [steps, 3]; targets: [steps] class indices, -100 for none. Returns a scalar in nats."""
    if labeled < 1:
        raise ValueError("an optimiser step without a label must not be taken")
    total: Tensor = nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")
    return total / labeled


def area_under_curve(scores: Tensor, truth: Tensor) -> float | None:
    """Probability that a random true item scores above a random false one, ties counting half
    (Mann-Whitney U / n1 n0). scores: [n] floats; truth: [n] bools. None when one side is empty."""
    positives = int(truth.sum())
    negatives = truth.numel() - positives
    if not positives or not negatives:
        return None
    _, groups, counts = torch.unique(scores, sorted=True, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    rank = last - (counts.double() - 1) / 2  # mean rank of each tie group, from 1
    u = float(rank[groups][truth].sum()) - positives * (positives + 1) / 2
    return u / (positives * negatives)
