"""How many tokens a micro-batch may compute: what memory holds, found before the first one, and
halved whenever it was too much after all. The gradient and the scores do not depend on it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import torch

from app.prm.model import ProcessRewardModel
from app.prm.objectives import SQUARED

log = logging.getLogger("stepmark.prm")
MOST_LEARNING, MOST_SCORING = 8192, 16_384
"""Tokens that fill any device; more would only take memory."""
LEAST = 256
SHARE = 0.5
"""Of the free memory: the estimate is rough, and others live here."""
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class TokenBudget:
    """`tokens` is the budget of a micro-batch; `wanted` 0 means: find it."""

    def __init__(
        self, model: ProcessRewardModel, device: torch.device, wanted: int, *, learning: bool
    ) -> None:
        self.notes: list[str] = []
        self.tokens = wanted or estimate_tokens(model, free_bytes(device), learning=learning)

    def halve(self, error: RuntimeError) -> bool:
        """After `error`: whether it was for memory and a smaller micro-batch may be tried."""
        said = str(error).lower()
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            words in said for words in OUT_OF_MEMORY
        ):
            return False
        if self.tokens // 2 < LEAST:
            return False
        self.tokens //= 2
        self.notes.append(f"out of memory: micro-batches have {self.tokens} tokens from now on")
        log.warning(self.notes[-1])
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True


def estimate_tokens(model: ProcessRewardModel, free: int, *, learning: bool) -> int:
    """Tokens that fit into a share of `free` bytes, within LEAST and the most that pays."""
    if learning:  # gradients and the optimiser's two moments come on top
        free -= sum(12 * weight.numel() for weight in model.parameters() if weight.requires_grad)
    most = MOST_LEARNING if learning else MOST_SCORING
    return max(LEAST, min(most, int(free * SHARE) // bytes_per_token(model, learning=learning)))


def bytes_per_token(model: ProcessRewardModel, *, learning: bool) -> int:
    """Activations in float32, from above: while learning those of every layer are kept."""
    config = model.body.config
    width, layers = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * width)
    values = 16 * width + 6 * inner
    if learning:
        values *= layers + 1
        if model.objective in SQUARED:  # the language-model loss: logits, their softmax and gradient
            values += 3 * int(config.vocab_size)
    return 4 * values


def free_bytes(device: torch.device) -> int:
    """Memory this process can still have, in bytes; on Linux within the limit of its control group."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    try:
        said = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(said["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # another system: half of what the machine has
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, min(free, limit - int(used["anon"])))
    except (OSError, KeyError, ValueError):  # no such group, or no limit ("max")
        return free
