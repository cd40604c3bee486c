"""Supervised fine-tuning of a causal language model on prompts and completions, for a reviser: the loss is
on the completion (Snell et al. 2024, section 6.1). One process, padded micro-batches; for large models, use
a trainer made for them on the same data.

The resulting folder has the format of the base: a local generator or a server can load it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import nn
from transformers import AutoModelForCausalLM

from app.common.atomic_files import atomic_folder
from app.common.config import Config, Seed, Share
from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder, validate_folder
from app.prm.config import Device, Threads
from app.prm.device import autocast, choose_device, set_threads
from app.prm.plain_text import encode_plain
from app.prm.schedule import build_schedule

IGNORED = -100


class FinetuneConfig(Config):
    """The options of fine-tuning."""

    former_names: ClassVar = {
        "batch": "batch_size",
        "at_once": "micro_batch_size",
        "warmup": "warmup_ratio",
        "clip": "max_grad_norm",
    }

    epochs: Annotated[float, Field(ge=0.001, le=1_000)] = 2.0
    """Passes over the pairs."""
    learning_rate: Annotated[float, Field(ge=1e-9, le=1)] = 1e-5
    """Peak learning rate of AdamW."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    """Pairs per optimizer step, independent of the micro-batches."""
    micro_batch_size: Annotated[int, Field(ge=1, le=4_096)] = 4
    """Pairs per micro-batch."""
    max_length: Annotated[int, Field(ge=8, le=131_072)] = 4096
    """Tokens of prompt and completion. Longer pairs are left out and counted."""
    warmup_ratio: Share = 0.05
    """Share of the optimizer steps with a linear warmup from 0. A cosine decay to 0 follows."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight decay of AdamW."""
    max_grad_norm: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Gradient norm above which gradients are clipped. 0 never clips."""
    seed: Seed = 0
    """Seed of the order of the pairs and of dropout."""
    device: Device = "auto"
    """auto uses a CUDA GPU if there is one."""
    bf16: bool = True
    """Compute in bfloat16 on GPUs that support it."""
    threads: Threads = 0
    """CPU threads. 0 leaves the choice to torch."""


@dataclass(frozen=True)
class FinetuneResult:
    steps: int
    rows: int
    left_out: int
    """Pairs longer than `max_length`."""
    losses: list[float]
    """Mean loss per completion token in nats, by optimizer step."""


Report = Callable[[dict[str, Any]], None]
EncodedPair = tuple[list[int], int]
"""Token IDs of prompt, completion and end token, and the index of the first completion token."""


def finetune(
    config: FinetuneConfig,
    base: Path,
    pairs: Sequence[tuple[str, str]],
    target: Path,
    report: Report = lambda _: None,
) -> FinetuneResult:
    """Fine-tune `base` on `pairs` of prompt and completion, and write the model to `target` atomically.
    Raises BadCheckpoint for an unusable base, ValueError if every pair is too long."""
    set_threads(config.threads)
    device = choose_device(config.device)
    validate_folder(base)
    tokenizer = checkpoint.load_tokenizer(str(base), None)
    rows = [encode_pair(tokenizer, *pair) for pair in pairs]
    short = [row for row in rows if len(row[0]) <= config.max_length]
    if not short:
        raise ValueError(f"no pair has at most {config.max_length:,} tokens")
    torch.manual_seed(config.seed)
    try:
        with open_model_folder(base) as view:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                view, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
        model = loaded.to(device)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadCheckpoint(f"could not load {base.name} as a causal language model: {error}") from error
    losses = _train(model, short, config, int(tokenizer.pad_token_id), device, report)
    with atomic_folder(target) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    return FinetuneResult(len(losses), len(short), len(rows) - len(short), losses)


def encode_pair(tokenizer: Any, prompt: str, completion: str) -> EncodedPair:
    """Prompt and completion are tokenized separately, so that no token spans both. Raises BadCheckpoint for
    a tokenizer without an end token."""
    prompt_ids = list(tokenizer.encode(prompt, add_special_tokens=True))
    end = tokenizer.eos_token_id
    if end is None:
        raise BadCheckpoint("the tokenizer has no end token")
    if len(prompt_ids) > 1 and prompt_ids[-1] == end:
        prompt_ids.pop()  # some tokenizers append the end token to every text
    completion_ids = encode_plain(tokenizer, completion)
    return [*prompt_ids, *completion_ids, int(end)], len(prompt_ids)


def _train(
    model: Any,
    rows: list[EncodedPair],
    config: FinetuneConfig,
    pad: int,
    device: torch.device,
    report: Report,
) -> list[float]:
    steps = max(1, math.ceil(len(rows) * config.epochs / config.batch_size))
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay
    )
    schedule = build_schedule(steps, config.warmup_ratio)
    losses = []
    model.train()
    for step, chosen in enumerate(_iter_batches(rows, config, steps)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(step)
        completion_tokens = sum(len(ids) - start for ids, start in chosen)
        total = 0.0
        for at in range(0, len(chosen), config.micro_batch_size):
            ids, mask, targets = _padded(chosen[at : at + config.micro_batch_size], pad, device)
            with autocast(device, config.bf16):
                logits = model(input_ids=ids, attention_mask=mask).logits
            flat = logits[:, :-1].reshape(-1, logits.shape[-1]).float()
            summed = nn.functional.cross_entropy(flat, targets.reshape(-1), reduction="sum")
            loss = summed / completion_tokens  # of the whole step, so micro-batches do not matter
            loss.backward()
            total += float(loss.detach())
        if config.max_grad_norm:
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(total)
        report({"step": step + 1, "steps": steps, "loss": total})
    model.eval()
    return losses


def _iter_batches(rows: list[EncodedPair], config: FinetuneConfig, steps: int) -> Iterator[list[EncodedPair]]:
    """Shuffled epochs; every row is used once before any is used twice."""
    queue: list[EncodedPair] = []
    chance = random.Random(config.seed)  # noqa: S311 - repeatable, not secret
    for _ in range(steps):
        while len(queue) < config.batch_size:
            queue += chance.sample(rows, len(rows))
        yield queue[: config.batch_size]
        queue = queue[config.batch_size :]


def _padded(
    rows: Sequence[EncodedPair], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """ids, mask: [rows, longest]; targets: [rows, longest - 1], the next token, -100 in prompts and
    padding."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    targets = torch.full((len(rows), longest - 1), IGNORED)
    for place, (row_ids, start) in enumerate(rows):
        ids[place, : len(row_ids)] = torch.tensor(row_ids)
        mask[place, : len(row_ids)] = 1
        first = max(start, 1)
        targets[place, first - 1 : len(row_ids) - 1] = torch.tensor(row_ids[first:])
    return ids.to(device), mask.to(device), targets.to(device)
