"""How well a model rates steps it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from app.prm import objectives
from app.prm.batch_layout import Batch, iter_batches
from app.prm.config import kind_of
from app.prm.device import autocast
from app.prm.examples import TokenRow
from app.prm.loss import area_under_curve
from app.prm.model import ProcessRewardModel


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
    """`loss` is over labeled points (of the head alone; nats, or squared), the rest over step ends,
    for an ORM over the solutions' last tokens: `accuracy` of classes (of right
    against wrong where the head has one output), `always_positive` (what rating everything positive
    would reach: the figure to beat), `negative_auc` (chance that a negative one gets a higher
    p(negative) than another; 0.5 is blind), `steps`, how many there were."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    labeled = sum(row.labeled for row in rows)
    loss, said, truth = 0.0, [], []
    for laid in iter_batches(rows, layout, tokens, pad):
        batch = laid.to(device)
        with autocast(device, bf16):
            read = model.read(model.hidden(batch), objectives.read_at(batch, model.objective))
        loss += float(objectives.loss(read, batch, model.objective, labeled))
        judged = _judged(batch, model.objective)
        said.append(objectives.probabilities(read, model.objective).cpu()[judged])
        truth.append(_classes(batch, model.objective)[judged])
    model.train(was_training)
    probs, classes = torch.cat(said), torch.cat(truth)
    known = classes >= 0
    probs, classes = probs[known], classes[known]
    return {
        "loss": loss,
        "accuracy": float((probs.argmax(1) == classes).float().mean()),
        "always_positive": float((classes == 2).float().mean()),
        "negative_auc": area_under_curve(probs[:, 0], classes == 0),
        "steps": int(known.sum()),
    }


def _classes(batch: Batch, objective: str) -> torch.Tensor:
    """Class index of each point read: 0 wrong, 1 neutral, 2 right; -100 for none."""
    if objective == "prm3":
        return batch.targets().cpu()
    return torch.where(batch.point_values().cpu() >= 0.5, 2, 0)


def _judged(batch: Batch, objective: str) -> torch.Tensor:
    """Indices of the points the model is judged by: all, or each row's last for an ORM."""
    counts = [len(row.points or ()) for row in batch.rows]
    if kind_of(objective) == "orm":
        return torch.tensor(counts).cumsum(0) - 1
    return torch.arange(sum(counts) if objective != "prm3" else len(batch.targets()))
