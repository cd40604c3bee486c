"""The training loop, to be read from top to bottom: prepare, resume, then for every step
evaluate when it is time, save when it is time, step, report.

The body, or low-rank adapters of it, and the head learn the config's objective (objectives.py)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from app.common.atomic_files import write_json
from app.prm import checkpoint, prefix_attention, training_state
from app.prm.batch_layout import iter_batches
from app.prm.checkpoint_safety import BadCheckpoint, read_json
from app.prm.config import TrainConfig
from app.prm.device import autocast, choose_device, set_threads
from app.prm.distributed import FINISH, GO, STOP, SingleProcess, join_group
from app.prm.encoding import Encoder, encode_examples
from app.prm.evaluate import evaluate
from app.prm.examples import Example, TokenRow, group_rows, iter_optimizer_steps
from app.prm.init_model import build_model_and_tokenizer
from app.prm.model import ProcessRewardModel, merge_adapters
from app.prm.token_budget import TokenBudget

Report = Callable[[dict[str, Any]], None]
REPORT_SECONDS = 0.5


class NoLabeledExamples(ValueError):
    """No example carries a label within the longest length."""


@dataclass(frozen=True)
class TrainOutcome:
    """`finished` with the published folder, or `stopped` by `should_stop` with a checkpoint."""

    state: Literal["finished", "stopped"]
    metrics: dict[str, Any] = field(default_factory=dict)
    published: Path | None = None
    reason: str | None = None


def train(
    config: TrainConfig,
    examples: Sequence[Example],
    folder: Path,
    report: Report,
    should_stop: Callable[[], str | None],
    snapshot_hash: str,
    corpus: Iterable[str] | None = None,
) -> TrainOutcome:
    """Train on `examples` with `folder` as the run's own; goes on from its newest good checkpoint.

    `report` gets a dict a few times a second ("phase", "step", "steps", "loss", ...).
    `should_stop` is asked before every step; a reason makes it write a checkpoint and return.
    `corpus` is what a new tokenizer learns from (default: the examples).
    Raises NothingToLearn, BadCheckpoint (the base), OSError (a full disk)."""
    set_threads(config.threads)
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    folder.mkdir(parents=True, exist_ok=True)
    report({"phase": "preparing", "step": 0, "steps": 0})
    model, tokenizer = build_model_and_tokenizer(config, examples, folder, corpus)
    group = join_group(config, examples, folder, snapshot_hash)
    device = group.device or device
    model.to(device)
    encoder = Encoder(tokenizer, config.max_length)
    rows, lost = encode_examples(encoder, [one for one in examples if one.split == "train"], config)
    held, held_lost = encode_examples(encoder, [one for one in examples if one.split == "validation"], config)
    if not rows:
        raise NoLabeledExamples(
            f"no solution carries a label within {config.max_length} tokens; label some, or raise max_length"
        )
    run = _Run(config, model, tokenizer, rows, held, folder, device, report, group)
    run.metrics = {
        "train": {"solutions": len(rows), **lost},
        "validation": {"solutions": len(held), **held_lost},
    }
    try:
        return run.go(should_stop, snapshot_hash)
    finally:
        group.close()


class _Run:
    """The state of the loop: what a checkpoint has to bring back, and nothing else."""

    def __init__(
        self,
        config: TrainConfig,
        model: ProcessRewardModel,
        tokenizer: Any,
        rows: list[TokenRow],
        held: list[TokenRow],
        folder: Path,
        device: torch.device,
        report: Report,
        group: SingleProcess,
    ) -> None:
        self.group = group
        self.config, self.model, self.tokenizer, self.device = config, model, tokenizer, device
        self.rows, self.held, self.folder, self.report = rows, held, folder, report
        self.pad = int(tokenizer.pad_token_id)
        self.per_step = min(config.solutions_per_step, len(rows))
        self.steps = max(1, math.ceil(config.epochs * len(rows) / self.per_step))
        self.learning = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.learning, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.step = self.computed = self.read = 0
        self.best_loss: float | None = None
        self.since_best = 0
        self.metrics: dict[str, Any] = {}
        self.layout = "padded"
        self.room = TokenBudget(model, device, config.tokens_per_batch, learning=True)
        self.best = folder / "best.safetensors"
        wanted = config.evaluations if held else 0
        self.evaluate_at = {round(self.steps * (i + 1) / wanted) for i in range(wanted)}

    def go(self, should_stop: Callable[[], str | None], snapshot_hash: str) -> TrainOutcome:
        self.layout, reason = prefix_attention.choose_layout(
            self.model, self.rows, self.config.layout, self.pad
        )
        self.metrics["layout"] = {"used": self.layout, **({"instead_because": reason} if reason else {})}
        self.resume()
        self.group.wait()  # all have read the same checkpoint before a newer one is written
        self.model.train()
        begun, saved, reported = time.monotonic(), time.monotonic(), 0.0
        first, reason = self.step, None
        plan = iter_optimizer_steps(
            group_rows(self.rows, self.config.together), self.per_step, self.steps, self.config.seed
        )
        for number, indices in enumerate(plan):
            if number < first:
                continue
            reason = should_stop()
            decision = self.group.broadcast_decision(STOP if reason else FINISH if self.enough else GO)
            if decision == STOP:
                self.save()
                return TrainOutcome("stopped", self.metrics, reason=reason)
            if decision == FINISH:
                break
            loss = self.learn([self.rows[index] for index in indices])
            self.step = number + 1
            now = time.monotonic()
            if self.group.rank:
                continue  # the first process looks, tells and saves
            if self.step in self.evaluate_at:
                self.look(loss)
            if now - reported >= REPORT_SECONDS or self.step == self.steps:
                reported = now
                self.tell(loss, (now - begun) / (self.step - first))
            if now - saved >= self.config.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        return self.publish(snapshot_hash)

    @property
    def enough(self) -> bool:
        """Early stopping: `patience` looks in a row found nothing better."""
        return bool(self.config.patience) and self.since_best >= self.config.patience

    def resume(self) -> None:
        """From the newest checkpoint that can be read; one that was cut short is passed over."""
        for path in training_state.list_checkpoints(self.folder / "checkpoints"):
            try:
                state = training_state.load_checkpoint(path, self.model, self.optimiser)
            except BadCheckpoint:
                continue
            self.step, self.best_loss = state["step"], state.get("best_loss")
            self.since_best = state.get("since_best", 0)
            self.report(
                {"phase": "training", "step": self.step, "steps": self.steps, "resumed_at": self.step}
            )
            return

    def learn(self, rows: list[TokenRow]) -> float:
        """One optimiser step; returns its loss, the mean over its labeled steps in nats.

        What dropout draws is a function of seed, step and rank, so a resume needs no state of it."""
        torch.manual_seed(hash((self.config.seed, self.step, self.group.rank)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(self.step)
        labeled = sum(row.labeled for row in rows)
        tokens = sum(len(row.ids) - row.start for row in rows)
        mine = self.group.local_rows(rows)
        self.read += sum(len(row.ids) for row in mine)
        total: float | None = None
        while total is None:
            try:
                total = self.gradient(mine, labeled, tokens)
            except RuntimeError as error:
                if not self.room.halve(error):
                    raise
        self.group.sum_gradients(self.learning)
        total = self.group.sum_scalar(total)
        if not math.isfinite(total):
            raise FloatingPointError(
                f"the loss is {total} at step {self.step + 1}; a lower learning_rate usually mends it"
            )
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.learning, self.config.clip)
        self.optimiser.step()
        return total

    def gradient(self, rows: list[TokenRow], labeled: int, tokens: int) -> float:
        """Of `rows`, added up over micro-batches; their part of the loss."""
        total = 0.0
        self.optimiser.zero_grad(set_to_none=True)
        for laid in iter_batches(rows, self.layout, self.room.tokens, self.pad):
            batch = laid.to(self.device)
            with autocast(self.device, self.config.bf16):
                loss = self.model.loss(batch, labeled, tokens, self.config.language_weight)
            loss.backward()
            total += float(loss.detach())
            self.computed += batch.computed_tokens
        return total

    def rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to 0. A function of the step alone, so a resume needs no state."""
        rising = max(1, round(self.steps * self.config.warmup))
        if step < rising:
            return self.config.learning_rate * (step + 1) / rising
        done = (step - rising) / max(1, self.steps - rising)
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def look(self, loss: float) -> None:
        """Evaluate on the validation part; keep the weights when they are the best so far."""
        self.report({"phase": "evaluating", "step": self.step, "steps": self.steps, "loss": loss})
        found = evaluate(
            self.model,
            self.held,
            pad=self.pad,
            tokens=self.room.tokens,
            bf16=self.config.bf16,
            layout=self.layout,
        )
        seen = float(found["loss"] or 0.0)
        self.since_best += 1
        if self.best_loss is None or seen < self.best_loss:
            self.best_loss, self.since_best = seen, 0
            training_state.save_weights(self.best, self.model)
            write_json(self.folder / "best.json", {"step": self.step, **found})
        self.report(
            {"phase": "training", "step": self.step, "steps": self.steps, "loss": loss, "validation": found}
        )

    def tell(self, loss: float, seconds_per_step: float) -> None:
        self.report(
            {
                "phase": "training",
                "step": self.step,
                "steps": self.steps,
                "loss": loss,
                "lr": self.rate(self.step - 1),
                "examples_per_s": self.per_step / max(seconds_per_step, 1e-9),
                "seconds_left": seconds_per_step * (self.steps - self.step),
            }
        )

    def save(self) -> None:
        if self.group.rank:
            return
        state = {"best_loss": self.best_loss, "since_best": self.since_best}
        training_state.save_checkpoint(
            self.folder / "checkpoints", self.step, self.model, self.optimiser, state
        )

    def publish(self, snapshot_hash: str) -> TrainOutcome:
        """The best weights on validation, or the last ones where nothing is held out."""
        if self.group.rank:
            return TrainOutcome("finished", self.metrics)
        self.report({"phase": "publishing", "step": self.step, "steps": self.steps})
        if self.best_loss is not None and self.best.is_file():
            training_state.load_weights(self.best, self.model)
            self.metrics["best"] = read_json(self.folder / "best.json")
        self.metrics["steps"] = self.steps
        if self.step < self.steps:
            self.metrics["stopped_early_at"] = self.step
        self.metrics["tokens"] = {
            "per_batch": self.room.tokens, "computed": self.computed, "of_rows": self.read,
        }  # fmt: skip
        if self.room.notes:
            self.metrics["notes"] = self.room.notes
        folder = self.folder / "published"
        card = {"config": self.config.as_json(), "snapshot": snapshot_hash, "metrics": self.metrics}
        checkpoint.save(folder, merge_adapters(self.model), self.tokenizer, card)
        return TrainOutcome("finished", self.metrics, folder)
