"""The losses of an optimizer step, independent of its micro-batches.

Each is summed over the labeled points of a micro-batch and divided by `labeled`, the number of labeled points
of the WHOLE optimizer step. The micro-batches add up to the mean over labeled points, so the layout of the
batches does not change the gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from app.prm.batch_layout import Batch


def step_loss(logits: Tensor, targets: Tensor, labeled: int) -> Tensor:
    """Cross-entropy in nats, a scalar. logits: [steps, 3]; targets: [steps] class indices, -100 without a
    label. Raises ValueError for an optimizer step without a label."""
    if labeled < 1:
        raise ValueError("an optimizer step without a label must not be taken")
    return functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum") / labeled


def binary_cross_entropy(logits: Tensor, values: Tensor, labeled: int) -> Tensor:
    """In nats, a scalar. logits: [points]; values: [points] in [0, 1]."""
    return functional.binary_cross_entropy_with_logits(logits, values, reduction="sum") / labeled


def squared_error(outputs: Tensor, values: Tensor, labeled: int) -> Tensor:
    """A scalar. outputs, values: [points]."""
    return functional.mse_loss(outputs, values, reduction="sum") / labeled


def language_loss(states: Tensor, batch: Batch, embedding: Tensor, tokens: int) -> Tensor:
    """Cross-entropy of each solution token given the tokens before it, with `embedding` as the
    output layer, divided by `tokens`, the solution tokens of the whole optimizer step.
    states: [slots, width]; embedding: [vocabulary, width]. A scalar in nats."""
    before = batch.token_slots([range(row.start - 1, len(row.ids) - 1) for row in batch.rows])
    after = [token for row in batch.rows for token in row.ids[row.start :]]
    logits = states[before].to(embedding.dtype) @ embedding.T
    targets = torch.tensor(after, device=states.device)
    return functional.cross_entropy(logits.float(), targets, reduction="sum") / max(tokens, 1)


def stack_two_classes(p_positive: Tensor) -> Tensor:
    """p(negative), p(neutral) = 0 and p(positive). [n] to [n, 3]"""
    return torch.stack([1 - p_positive, torch.zeros_like(p_positive), p_positive], 1)
