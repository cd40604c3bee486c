"""What a model is taught, and how it is read.

prm3               three classes at step ends, cross-entropy (Lightman et al. 2023, section 2.6)
prm2               right or wrong at step ends, a neutral step counted as one of them (ibid.,
                   appendix F: what neutral counts as is a choice)
soft               a value between 0 and 1 at step ends, binary cross-entropy (Wang et al. 2023,
                   section 3.3; Snell et al. 2024, appendix D)
orm                the verdict of the answer at every token of the solution, read at the last
                   (Lightman et al. 2023, appendix E)
verifier_token     the same by a scalar and its squared error, with a language-model loss beside
                   it (Cobbe et al. 2021, section 4.1 and appendix E)
verifier_solution  the same at the last token only (ibid., section 4.2)"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from app.prm.batch_layout import Batch
from app.prm.config import OUTCOME, TrainConfig
from app.prm.examples import Example, TokenRow
from app.prm.loss import step_loss

SQUARED = ("verifier_token", "verifier_solution")


def outputs(objective: str) -> int:
    """Outputs of the head: three logits (negative, neutral, positive), or one."""
    return 3 if objective == "prm3" else 1


def supervised(row: TokenRow, example: Example, config: TrainConfig) -> TokenRow:
    """`row` with the points this objective learns at, and what it learns there."""
    objective = config.objective
    if objective == "prm3":
        return row
    whole = len(row.ends) == len(example.steps)
    if objective in OUTCOME:
        said = [target for target in example.targets if target is not None]
        if not said or not whole:
            return replace(row, targets=[-100] * len(row.ends))
        last = len(row.ids) - 1
        points = [last] if objective == "verifier_solution" else list(range(row.start, last + 1))
        return replace(row, points=points, values=[float(said[-1] > 0)] * len(points))
    if objective == "soft":
        known = example.values or [None] * len(example.steps)
        pairs = [(end, value) for end, value in zip(row.ends, known, strict=False) if value is not None]
    else:
        right = (1, 2) if config.neutral_is_positive else (2,)
        pairs = [
            (end, float(target in right))
            for end, target in zip(row.ends, row.targets, strict=True)
            if target >= 0
        ]
    return replace(row, points=[end for end, _ in pairs], values=[value for _, value in pairs])


def loss(said: Tensor, batch: Batch, objective: str, labeled: int) -> Tensor:
    """Summed over the batch's labeled points, divided by `labeled`, those of the whole optimiser
    step (loss.py says why). said: [points, outputs], the head at `read_at(batch, objective)`."""
    if objective == "prm3":
        return step_loss(said, batch.targets(), labeled)
    truth = batch.point_values()
    if objective in SQUARED:
        return nn.functional.mse_loss(said[:, 0], truth, reduction="sum") / labeled
    return nn.functional.binary_cross_entropy_with_logits(said[:, 0], truth, reduction="sum") / labeled


def read_at(batch: Batch, objective: str) -> Tensor:
    """Places where the head is read while learning."""
    if objective == "prm3":
        return batch.step_end_slots()
    return batch.token_slots([row.points for row in batch.rows])


def language_loss(states: Tensor, batch: Batch, embedding: Tensor, tokens: int) -> Tensor:
    """Cross-entropy of each solution token given what is before it, by the body's own embedding as
    output (tied), summed and divided by `tokens`, the solution tokens of the whole optimiser step.
    states: [places, width]; embedding: [vocabulary, width]."""
    before = batch.token_slots([range(row.start - 1, len(row.ids) - 1) for row in batch.rows])
    after = [token for row in batch.rows for token in row.ids[row.start :]]
    logits = states[before].to(embedding.dtype) @ embedding.T
    truth = torch.tensor(after, device=states.device)
    return nn.functional.cross_entropy(logits.float(), truth, reduction="sum") / max(tokens, 1)


def probabilities(said: Tensor, objective: str) -> Tensor:
    """p(negative), p(neutral), p(positive) from the head's output. [n, outputs] to [n, 3]. A head
    with one output knows no neutral: its place is 0."""
    if objective == "prm3":
        return said.softmax(1)
    right = said[:, 0].clamp(0, 1) if objective in SQUARED else said[:, 0].sigmoid()
    return torch.stack([1 - right, torch.zeros_like(right), right], 1)
