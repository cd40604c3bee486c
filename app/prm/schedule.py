"""The learning rate by step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import get_cosine_schedule_with_warmup


def build_schedule(steps: int, warmup_ratio: float) -> Callable[[int], float]:
    """The factor of the peak learning rate by 0-based step: a linear warmup, then a cosine decay towards 0.
    A function of the step alone, so that a resumed run needs no state of it. It starts one step into the
    warmup, so that the first step learns."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    warmup_steps = max(1, round(steps * warmup_ratio))
    (factor,) = get_cosine_schedule_with_warmup(optimizer, warmup_steps, steps + 1).lr_lambdas
    return lambda step: float(factor(step + 1))
