"""The training loop, to be read from top to bottom: prepare, resume, then for every step train, evaluate when
it is time, report, and save when it is time.

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
from app.prm import adapter, checkpoint, prefix_attention, training_state
from app.prm.adapter import collect_adapter, get_adapted_modules, save_adapter
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
from app.prm.schedule import build_schedule
from app.prm.token_budget import TokenBudget

Report = Callable[[dict[str, Any]], None]
REPORT_SECONDS = 0.5


class NoLabeledExamples(ValueError):
    """No example carries a label within the maximum length."""


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
    target: Path | None = None,
) -> TrainOutcome:
    """Train on `examples`. `folder` belongs to the run, which resumes from its newest readable checkpoint.
    The model is written to `target` (default: `published` in `folder`).

    `report` gets a dict a few times per second ("phase", "step", "steps", "loss", ...). `should_stop` is
    called before every step; if it returns a reason, a checkpoint is saved and training stops. A new
    tokenizer is trained on `corpus` (default: the texts of the examples).
    Raises NoLabeledExamples, BadCheckpoint (the base), OSError (a full disk), FloatingPointError (the loss
    diverged)."""
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
    by_split = {
        split: encode_examples(encoder, [example for example in examples if example.split == split], config)
        for split in ("train", "validation")
    }
    rows, held_out = by_split["train"][0], by_split["validation"][0]
    report({"phase": "preparing", "lost": {split: losses for split, (_, losses) in by_split.items()}})
    if not rows:
        raise NoLabeledExamples(
            f"no solution carries a label within {config.max_length} tokens; label some, or raise max_length"
        )
    run = _Run(config, model, tokenizer, rows, held_out, folder, device, report, group)
    run.target = target or run.target
    run.metrics = {
        split: {"solutions": len(encoded), **losses} for split, (encoded, losses) in by_split.items()
    }
    try:
        return run.run(should_stop, snapshot_hash)
    finally:
        group.close()


class _Run:
    """The state of the loop."""

    def __init__(
        self,
        config: TrainConfig,
        model: ProcessRewardModel,
        tokenizer: Any,
        rows: list[TokenRow],
        held_out: list[TokenRow],
        folder: Path,
        device: torch.device,
        report: Report,
        group: SingleProcess,
    ) -> None:
        self.group = group
        self.config, self.model, self.tokenizer, self.device = config, model, tokenizer, device
        self.rows, self.held_out, self.folder, self.send_report = rows, held_out, folder, report
        self.pad = int(tokenizer.pad_token_id)
        self.batch_size = min(config.batch_size, len(rows))
        self.steps = max(1, math.ceil(config.epochs * len(rows) / self.batch_size))
        self.schedule = build_schedule(self.steps, config.warmup_ratio)
        self.parameters = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.peak_learning_rate, weight_decay=config.weight_decay
        )
        self.step = self.computed_tokens = self.row_tokens = 0
        self.best_loss: float | None = None
        self.evaluations_since_best = 0
        self.metrics: dict[str, Any] = {}
        self.layout = "padded"
        self.budget = TokenBudget(model, device, config.tokens_per_batch, learning=True)
        self.target = folder / "published"
        self.best_weights = folder / "best.safetensors"
        evaluations = config.evaluations if held_out else 0
        self.evaluate_at = {round(self.steps * (i + 1) / evaluations) for i in range(evaluations)}

    def run(self, should_stop: Callable[[], str | None], snapshot_hash: str) -> TrainOutcome:
        self.choose_layout()
        self.resume()
        self.group.wait()  # every process has read the same checkpoint before a newer one is written
        self.model.train()
        groups = group_rows(self.rows, self.config.group_by)
        plan = iter_optimizer_steps(groups, self.batch_size, self.steps, self.config.seed)
        started, saved, reported, first = time.monotonic(), time.monotonic(), 0.0, self.step
        for number, indices in enumerate(plan):
            if number < first:
                continue
            reason = should_stop()
            decision = STOP if reason else FINISH if self.should_stop_early else GO
            decision = self.group.broadcast_decision(decision)
            if decision == STOP:
                self.save()
                return TrainOutcome("stopped", self.metrics, reason=reason)
            if decision == FINISH:
                break
            loss = self.train_step([self.rows[index] for index in indices])
            self.step = number + 1
            now = time.monotonic()
            if self.group.rank:
                continue  # the first process evaluates, reports and saves
            if self.step in self.evaluate_at:
                self.evaluate(loss)
            if now - reported >= REPORT_SECONDS or self.step == self.steps:
                reported = now
                self.report(loss, (now - started) / (self.step - first))
            if now - saved >= self.config.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        return self.publish(snapshot_hash)

    @property
    def should_stop_early(self) -> bool:
        """Whether `patience` evaluations in a row found no lower loss."""
        return bool(self.config.patience) and self.evaluations_since_best >= self.config.patience

    def learning_rate_at(self, step: int) -> float:
        return self.config.peak_learning_rate * self.schedule(step)

    def choose_layout(self) -> None:
        self.layout, reason = prefix_attention.choose_layout(
            self.model, self.rows, self.config.layout, self.pad
        )
        self.metrics["layout"] = {"used": self.layout, **({"instead_because": reason} if reason else {})}

    def resume(self) -> None:
        """From the newest readable checkpoint; an unreadable one is skipped."""
        for path in training_state.list_checkpoints(self.folder / "checkpoints"):
            try:
                state = training_state.load_checkpoint(path, self.model, self.optimizer)
            except BadCheckpoint:
                continue
            self.step, self.best_loss = state["step"], state.get("best_loss")
            self.evaluations_since_best = state.get("since_best", 0)
            self.send_report(
                {"phase": "training", "step": self.step, "steps": self.steps, "resumed_at": self.step}
            )
            return

    def train_step(self, rows: list[TokenRow]) -> float:
        """One optimizer step. Returns its loss, the mean over its labeled points.

        The dropout masks are a function of seed, step and rank, so a resumed run needs no state of them."""
        torch.manual_seed(hash((self.config.seed, self.step, self.group.rank)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate_at(self.step)
        labeled = sum(row.labeled for row in rows)
        tokens = sum(len(row.ids) - row.start for row in rows)
        local = self.group.local_rows(rows)
        self.row_tokens += sum(len(row.ids) for row in local)
        local_loss: float | None = None
        while local_loss is None:
            try:
                local_loss = self.backward(local, labeled, tokens)
            except RuntimeError as error:
                if not self.budget.halve(error):
                    raise
        self.group.sum_gradients(self.parameters)
        loss = self.group.sum_scalar(local_loss)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self.step + 1}; a lower learning_rate usually helps"
            )
        if self.config.max_grad_norm:
            nn.utils.clip_grad_norm_(self.parameters, self.config.max_grad_norm)
        self.optimizer.step()
        return loss

    def backward(self, rows: list[TokenRow], labeled: int, tokens: int) -> float:
        """Accumulate the gradient of `rows` over micro-batches. Returns their part of the loss."""
        loss = 0.0
        self.optimizer.zero_grad(set_to_none=True)
        for laid_out in iter_batches(rows, self.layout, self.budget.tokens, self.pad):
            batch = laid_out.to(self.device)
            with autocast(self.device, self.config.bf16):
                part = self.model.loss(batch, labeled, tokens, self.config.language_weight)
            part.backward()
            loss += float(part.detach())
            self.computed_tokens += batch.computed_tokens
        return loss

    def evaluate(self, loss: float) -> None:
        """Evaluate on the held-out examples. The best weights so far are kept."""
        progress = {"step": self.step, "steps": self.steps, "loss": loss}
        self.send_report({"phase": "evaluating", **progress})
        validation = evaluate(
            self.model,
            self.held_out,
            pad=self.pad,
            tokens=self.budget.tokens,
            bf16=self.config.bf16,
            layout=self.layout,
        )
        validation_loss = float(validation["loss"] or 0.0)
        self.evaluations_since_best += 1
        if self.best_loss is None or validation_loss < self.best_loss:
            self.best_loss, self.evaluations_since_best = validation_loss, 0
            training_state.save_weights(self.best_weights, self.model)
            write_json(self.folder / "best.json", {"step": self.step, **validation})
        self.send_report({"phase": "training", **progress, "validation": validation})

    def report(self, loss: float, seconds_per_step: float) -> None:
        self.send_report(
            {
                "phase": "training",
                "step": self.step,
                "steps": self.steps,
                "loss": loss,
                "lr": self.learning_rate_at(self.step - 1),
                "examples_per_s": self.batch_size / max(seconds_per_step, 1e-9),
                "seconds_left": seconds_per_step * (self.steps - self.step),
            }
        )

    def save(self) -> None:
        if self.group.rank:
            return
        state = {"best_loss": self.best_loss, "since_best": self.evaluations_since_best}
        checkpoints = self.folder / "checkpoints"
        training_state.save_checkpoint(checkpoints, self.step, self.model, self.optimizer, state)

    def publish(self, snapshot_hash: str) -> TrainOutcome:
        """Publish the weights with the lowest validation loss, or the last ones if nothing is held out."""
        if self.group.rank:
            return TrainOutcome("finished", self.metrics)
        self.send_report({"phase": "publishing", "step": self.step, "steps": self.steps})
        if self.best_loss is not None and self.best_weights.is_file():
            training_state.load_weights(self.best_weights, self.model)
            self.metrics["best"] = read_json(self.folder / "best.json")
        self.metrics["steps"] = self.steps
        if self.step < self.steps:
            self.metrics["stopped_early_at"] = self.step
        self.metrics["tokens"] = {
            "per_batch": self.budget.tokens,
            "computed": self.computed_tokens,
            "of_rows": self.row_tokens,
        }
        if self.budget.notes:
            self.metrics["notes"] = self.budget.notes
        folder = self.target
        card = {"config": self.config.to_json(), "snapshot": snapshot_hash, "metrics": self.metrics}
        weights = collect_adapter(self.model) if self.config.base else None
        modules = get_adapted_modules(self.model) if weights else []
        merged = merge_adapters(self.model)
        checkpoint.save(folder, merged, self.tokenizer, card)
        if weights:
            save_adapter(folder / adapter.FOLDER, merged, weights, modules, self.config)
        return TrainOutcome("finished", self.metrics, folder)
