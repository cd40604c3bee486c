"""Model and tokenizer before the first step, checked before an hour is spent on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.common.atomic_files import atomic_folder
from app.prm import checkpoint
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.config import TrainConfig
from app.prm.encoding import train_tokenizer
from app.prm.examples import Example
from app.prm.model import (
    ProcessRewardModel,
    add_lora_adapters,
    add_residual_dropout,
    build_model,
    load_body,
    load_output_weights,
)
from app.prm.objectives import SQUARED

VERIFIER_DROPOUT = 0.2


def build_model_and_tokenizer(
    config: TrainConfig, examples: Sequence[Example], folder: Path, corpus: Iterable[str] | None
) -> tuple[ProcessRewardModel, Any]:
    """The config's base, or a new model. A tokenizer of our own is kept in the run's folder: a
    resume must not train another. Raises BadCheckpoint for a base that cannot serve."""
    if config.base is not None:
        tokenizer = checkpoint.load_tokenizer(config.base, config.revision)
        model = ProcessRewardModel(load_body(config.base, config.revision), config.objective)
        validate_base(model, tokenizer, config)
        if config.label_tokens:
            init_head(model, label_logits(config, tokenizer))
    else:
        tokenizer = load_or_train_tokenizer(config, examples, folder, corpus)
        model = build_model(config, len(tokenizer), int(tokenizer.pad_token_id))
    share = config.dropout
    if share is None:
        share = VERIFIER_DROPOUT if config.objective in SQUARED else 0.0
    if share:
        add_residual_dropout(model.body, share)
    if config.lora_rank:
        add_lora_adapters(model, config)
    if config.gradient_checkpointing:
        model.body.activation_checkpointing_enable()
    return model, tokenizer


def label_logits(config: TrainConfig, tokenizer: Any) -> Tensor:
    """What the base's output layer has for the two label tokens, wrong and right. [2, width]"""
    ids = []
    for word in config.label_tokens:
        found = tokenizer.encode(word, add_special_tokens=False)
        if len(found) != 1 or found[0] == tokenizer.unk_token_id:
            raise BadCheckpoint(
                f"{word!r} is not one token of the base's tokenizer; name another in label_tokens"
            )
        ids += found
    return load_output_weights(str(config.base), config.revision)[ids]


def init_head(model: ProcessRewardModel, said: Tensor) -> None:
    """The head as the base would say it, a neutral step as right; one output is right against wrong."""
    wrong, right = said.float()
    rows = [wrong, right, right] if model.head.out_features == 3 else [right - wrong]
    with torch.no_grad():
        model.head.weight.copy_(torch.stack(rows))
        model.head.bias.zero_()


def load_or_train_tokenizer(
    config: TrainConfig, examples: Sequence[Example], folder: Path, corpus: Iterable[str] | None
) -> Any:
    kept = folder / "tokenizer"
    if not kept.is_dir():
        texts = corpus or (text for one in examples for text in (one.problem, *one.steps))
        with atomic_folder(kept) as draft:
            train_tokenizer(texts, config.vocabulary).save_pretrained(draft)
    return checkpoint.load_tokenizer(str(kept), None)


def validate_base(model: ProcessRewardModel, tokenizer: Any, config: TrainConfig) -> None:
    """What would go wrong late or silently with this base, said at once."""
    context = getattr(model.body.config, "max_position_embeddings", None)
    if context is not None and context < config.max_length:
        raise BadCheckpoint(
            f"max_length is {config.max_length}, but the base was made for {context} tokens; "
            f"set max_length to at most {context}"
        )
    embedding: Any = model.body.get_input_embeddings()
    room = embedding.num_embeddings
    if len(tokenizer) > room:
        raise BadCheckpoint(f"the tokenizer knows {len(tokenizer)} tokens, the base has room for {room}")
    if not tokenizer.encode("\n", add_special_tokens=False):
        raise BadCheckpoint("the tokenizer has no token for a line break, which ends a step")
    special = set(tokenizer.all_special_ids)
    if special & set(tokenizer.encode("\n", add_special_tokens=False)):
        raise BadCheckpoint("the tokenizer writes a line break, which ends a step, as a special token")
