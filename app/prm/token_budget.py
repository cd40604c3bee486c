"""The number of tokens per micro-batch: estimated from free memory before the first one, and halved when
memory runs out. Gradients and scores do not depend on it.

The estimate is our own: `accelerate.utils.find_executable_batch_size` only restarts a function with a
smaller batch after an error, so on a CPU, where Linux ends the process instead of raising, it would never
learn of the limit."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import torch

from app.prm.model import ProcessRewardModel

log = logging.getLogger("stepmark.prm")
MOST_LEARNING, MOST_SCORING = 8192, 16_384
"""Tokens that keep any device busy; more would only use memory."""
LEAST = 256
SHARE = 0.5
"""Share of the free memory to use: the estimate is rough, and other programs need memory too."""
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class TokenBudget:
    """`tokens` is the budget of a micro-batch; `requested` 0 estimates it."""

    def __init__(
        self, model: ProcessRewardModel, device: torch.device, requested: int, *, learning: bool
    ) -> None:
        self.notes: list[str] = []
        self.tokens = requested or estimate_tokens(model, free_bytes(device), learning=learning)

    def halve(self, error: RuntimeError) -> bool:
        """Whether `error` was about memory and a smaller micro-batch may be tried."""
        message = str(error).lower()
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            phrase in message for phrase in OUT_OF_MEMORY
        ):
            return False
        if self.tokens // 2 < LEAST:
            return False
        self.tokens //= 2
        self.notes.append(f"out of memory; micro-batches now have {self.tokens} tokens")
        log.warning(self.notes[-1])
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True


def estimate_tokens(model: ProcessRewardModel, free: int, *, learning: bool) -> int:
    """Tokens that fit into SHARE of `free` bytes, between LEAST and the most that is useful."""
    if learning:  # gradients and the two moments of the optimizer
        free -= sum(12 * weight.numel() for weight in model.parameters() if weight.requires_grad)
    most = MOST_LEARNING if learning else MOST_SCORING
    return max(LEAST, min(most, int(free * SHARE) // bytes_per_token(model, learning=learning)))


def bytes_per_token(model: ProcessRewardModel, *, learning: bool) -> int:
    """An upper bound of the activations in float32. Training keeps those of every layer."""
    config = model.body.config
    width, layers = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * width)
    values = 16 * width + 6 * inner
    if learning:
        values *= layers + 1
        if model.objective.has_language_loss:  # logits, their softmax and its gradient
            values += 3 * int(config.vocab_size)
    return 4 * values


def free_bytes(device: torch.device) -> int:
    """Memory available to this process, in bytes; on Linux within the limit of its control group."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # another system: half of what the machine has
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, min(free, limit - int(used["anon"])))
    except (OSError, KeyError, ValueError):  # no such group, or no limit ("max")
        return free
