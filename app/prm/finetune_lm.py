"""Supervised fine-tuning of a causal language model on prompts and completions, for a reviser: what
it is shown is read, what it is to write is learned (Snell et al. 2024, section 6.1). Plain: one
process, padded micro-batches; for large models take a trainer made for them, the data is the same.

The folder that comes out is the base's kind of folder: a generator of the lab or a server reads it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from app.common.atomic_files import atomic_folder
from app.common.config import Config, ConfigError
from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder
from app.prm.device import autocast, choose_device, set_threads

NOTHING = -100


@dataclass(frozen=True)
class FinetuneConfig(Config):
    epochs: float = 2.0
    learning_rate: float = 1e-5
    batch: int = 32
    """Trajectories an optimiser step learns from, whatever memory holds at once."""
    at_once: int = 4
    """Trajectories of a micro-batch."""
    max_length: int = 4096
    """Tokens of prompt and completion; longer ones are left out and counted."""
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 0
    device: str = "auto"
    bf16: bool = True
    threads: int = 0

    def check(self) -> None:
        limits = {
            "epochs": (0.001, 1000), "learning_rate": (1e-9, 1), "batch": (1, 65_536), "at_once": (1, 4096),
            "max_length": (8, 131_072), "warmup": (0, 1), "weight_decay": (0, 10), "clip": (0, 1e6),
            "seed": (0, 2**31 - 1), "threads": (0, 1024),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} must be between {low:g} and {high:g}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError("device must be auto, cpu or cuda")


@dataclass(frozen=True)
class FinetuneResult:
    steps: int
    rows: int
    left_out: int
    """Longer than `max_length`."""
    losses: list[float]
    """Nats a token that was to be written, step by step."""


Report = Callable[[dict[str, Any]], None]
EncodedPair = tuple[list[int], int]
"""Ids of prompt and completion with its end, and where the completion begins."""


def finetune(
    config: FinetuneConfig,
    base: Path,
    pairs: Sequence[tuple[str, str]],
    target: Path,
    report: Report = lambda _: None,
) -> FinetuneResult:
    """`pairs`: prompt, completion. Writes `target`, whole or not at all. BadCheckpoint for a base that
    cannot serve, ValueError where nothing is short enough to learn from."""
    set_threads(config.threads)
    device = choose_device(config.device)
    validate_folder(base)
    tokenizer = checkpoint.load_tokenizer(str(base), None)
    rows = [encode_pair(tokenizer, *pair) for pair in pairs]
    kept = [each for each in rows if len(each[0]) <= config.max_length]
    if not kept:
        raise ValueError(f"no trajectory has at most {config.max_length:,} tokens")
    torch.manual_seed(config.seed)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            base, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
        model = loaded.to(device)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadCheckpoint(f"could not load {base.name} as a causal language model: {error}") from error
    losses = _learn(model, kept, config, int(tokenizer.pad_token_id), device, report)
    with atomic_folder(target) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    return FinetuneResult(len(losses), len(kept), len(rows) - len(kept), losses)


def encode_pair(tokenizer: Any, prompt: str, completion: str) -> EncodedPair:
    """Each tokenised by itself: no token spans where the writing begins."""
    read = list(tokenizer.encode(prompt, add_special_tokens=True))
    end = tokenizer.eos_token_id
    if end is None:
        raise BadCheckpoint("the tokenizer has no token that ends a text")
    if read and read[-1] == end and len(read) > 1:
        read.pop()  # some tokenizers end every text
    written = list(tokenizer.encode(completion, add_special_tokens=False))
    return [*read, *written, int(end)], len(read)


def _learn(
    model: Any,
    rows: list[EncodedPair],
    config: FinetuneConfig,
    pad: int,
    device: torch.device,
    report: Report,
) -> list[float]:
    steps = max(1, math.ceil(len(rows) * config.epochs / config.batch))
    optimiser = torch.optim.AdamW(
        model.parameters(), config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay
    )
    losses = []
    model.train()
    for step, chosen in enumerate(_batches(rows, config, steps)):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _pace(step, steps, config.warmup)
        written = sum(len(ids) - start for ids, start in chosen)
        total = 0.0
        for at in range(0, len(chosen), config.at_once):
            ids, mask, targets = _padded(chosen[at : at + config.at_once], pad, device)
            with autocast(device, config.bf16):
                logits = model(input_ids=ids, attention_mask=mask).logits
            flat = logits[:, :-1].reshape(-1, logits.shape[-1]).float()
            summed = nn.functional.cross_entropy(flat, targets.reshape(-1), reduction="sum")
            loss = summed / written  # over all of the step, however it is cut
            loss.backward()
            total += float(loss.detach())
        if config.clip:
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(total)
        report({"step": step + 1, "steps": steps, "loss": total})
    model.eval()
    return losses


def _batches(rows: list[EncodedPair], config: FinetuneConfig, steps: int) -> Iterator[list[EncodedPair]]:
    """Epoch after epoch in a seeded shuffle; every row is seen once before any is seen twice."""
    queue: list[EncodedPair] = []
    chance = random.Random(config.seed)  # noqa: S311 - repeatable, not secret
    for _ in range(steps):
        while len(queue) < config.batch:
            queue += chance.sample(rows, len(rows))
        yield queue[: config.batch]
        queue = queue[config.batch :]


def _pace(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _padded(
    rows: Sequence[EncodedPair], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """ids, mask: [rows, longest]; targets: [rows, longest - 1], of the token after each."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    targets = torch.full((len(rows), longest - 1), NOTHING)
    for place, (known, start) in enumerate(rows):
        ids[place, : len(known)] = torch.tensor(known)
        mask[place, : len(known)] = 1
        first = max(start, 1)
        targets[place, first - 1 : len(known) - 1] = torch.tensor(known[first:])
    return ids.to(device), mask.to(device), targets.to(device)
