"""How well a model rates steps it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from app.prm.data import Row
from app.prm.device import precision
from app.prm.layout import batches
from app.prm.loss import area_under_curve, step_loss
from app.prm.model import ProcessRewardModel


@torch.no_grad()
def evaluate(
    model: ProcessRewardModel,
    rows: Sequence[Row],
    *,
    pad: int,
    tokens: int,
    bf16: bool,
    layout: str = "padded",
) -> dict[str, float | int | None]:
    """Over labeled steps: `loss` (nats), `accuracy` of three classes, `always_positive` (what
    rating everything positive would reach: the figure to beat), `negative_auc` (chance that a
    negative step gets a higher p(negative) than another; 0.5 is blind), `steps`."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    logits, truth = [], []
    for batch in batches(rows, layout, tokens, pad):
        with precision(device, bf16):
            logits.append(model(batch.to(device)).cpu())
        truth.append(batch.targets())
    model.train(was_training)
    said, targets = torch.cat(logits), torch.cat(truth)
    labeled = targets >= 0
    said, targets = said[labeled], targets[labeled]
    steps = targets.numel()
    negative = targets == 0
    return {
        "loss": float(step_loss(said, targets, steps)),
        "accuracy": float((said.argmax(1) == targets).float().mean()),
        "always_positive": float((targets == 2).float().mean()),
        "negative_auc": area_under_curve(said.softmax(1)[:, 0], negative),
        "steps": steps,
    }
