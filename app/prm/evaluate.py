"""Metrics of a model on examples that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from app.common.array_statistics import area_under_curve
from app.prm.batch_layout import Batch, iter_batches
from app.prm.device import autocast
from app.prm.examples import TokenRow
from app.prm.model import ProcessRewardModel
from app.prm.objectives import Objective


@torch.no_grad()
def evaluate(
    model: ProcessRewardModel,
    rows: Sequence[TokenRow],
    *,
    pad: int,
    tokens: int,
    bf16: bool,
    layout: str = "padded",
) -> dict[str, float | int | None]:
    """`loss` is the mean over labeled points, of the head alone, in the objective's unit. The others are
    over step ends, or over the last tokens of the solutions for an ORM:

    accuracy         share of correct classes; negative against positive if the head has one output
    always_positive  accuracy of rating everything positive, the baseline
    negative_auc     probability that a negative point has a higher p(negative) than another one; 0.5 is
                     chance; None without both
    steps            number of points"""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    labeled = sum(row.labeled for row in rows)
    loss, probabilities, targets = 0.0, [], []
    for laid_out in iter_batches(rows, layout, tokens, pad):
        batch = laid_out.to(device)
        with autocast(device, bf16):
            outputs = model.read(model.hidden(batch), model.objective.read_slots(batch))
        loss += float(model.objective.loss(outputs, batch, labeled))
        points = _evaluated_points(batch, model.objective)
        probabilities.append(model.objective.probabilities(outputs).cpu()[points])
        targets.append(model.objective.targets(batch).cpu()[points])
    model.train(was_training)
    probs, classes = torch.cat(probabilities), torch.cat(targets)
    has_target = classes >= 0
    probs, classes = probs[has_target], classes[has_target]
    return {
        "loss": loss,
        "accuracy": float((probs.argmax(1) == classes).float().mean()),
        "always_positive": float((classes == 2).float().mean()),
        "negative_auc": area_under_curve(probs[:, 0].numpy(), (classes == 0).numpy()),
        "steps": int(has_target.sum()),
    }


def _evaluated_points(batch: Batch, objective: Objective) -> Tensor:
    """Indices of the points that count: each row's last for an ORM, else all. [points]"""
    if objective.kind == "orm":
        return torch.tensor([len(row.points or ()) for row in batch.rows]).cumsum(0) - 1
    return torch.arange(len(objective.targets(batch)))
