"""Model and tokenizer before the first step, checked before any time is spent on training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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
    is_untied,
    load_body,
    load_output_weights,
)


def build_model_and_tokenizer(
    config: TrainConfig, examples: Sequence[Example], folder: Path, corpus: Iterable[str] | None
) -> tuple[ProcessRewardModel, Any]:
    """The config's base, or a new model. A new tokenizer is stored in the run's folder, so that a resumed run
    does not train another. Raises BadCheckpoint for an unusable base."""
    if config.base is not None:
        tokenizer = checkpoint.load_tokenizer(config.base, config.revision)
        model = ProcessRewardModel(load_body(config.base, config.revision), config.objective)
        validate_base(model, tokenizer, config)
        if model.objective.has_language_loss and config.language_weight and is_untied(model.body):
            weights = load_output_weights(config.base, config.revision)
            model.output_weights = nn.Parameter(weights, requires_grad=not config.lora_rank)
        if config.label_tokens:
            init_head(model, load_label_embeddings(config, tokenizer))
    else:
        tokenizer = load_or_train_tokenizer(config, examples, folder, corpus)
        model = build_model(config, len(tokenizer), int(tokenizer.pad_token_id))
    dropout = model.objective.dropout if config.dropout is None else config.dropout
    if dropout:
        add_residual_dropout(model.body, dropout)
    if config.lora_rank:
        add_lora_adapters(model, config)
    if config.gradient_checkpointing:
        model.body.activation_checkpointing_enable()
    return model, tokenizer


def load_label_embeddings(config: TrainConfig, tokenizer: Any) -> Tensor:
    """Output embeddings of the base for the two label tokens, negative and positive. [2, width]"""
    ids = []
    for word in config.label_tokens:
        tokens = tokenizer.encode(word, add_special_tokens=False)
        if len(tokens) != 1 or tokens[0] == tokenizer.unk_token_id:
            raise BadCheckpoint(
                f"{word!r} is not one token of the base's tokenizer; choose another in label_tokens"
            )
        ids += tokens
    return load_output_weights(str(config.base), config.revision)[ids]


def init_head(model: ProcessRewardModel, label_embeddings: Tensor) -> None:
    """Initialize the head so that it predicts like the base. A neutral step starts as a positive one; a
    single output is positive minus negative. label_embeddings: [2, width]"""
    negative, positive = label_embeddings.float()
    rows = [negative, positive, positive] if model.head.out_features == 3 else [positive - negative]
    with torch.no_grad():
        model.head.weight.copy_(torch.stack(rows))
        if model.head.bias is not None:
            model.head.bias.zero_()


def load_or_train_tokenizer(
    config: TrainConfig, examples: Sequence[Example], folder: Path, corpus: Iterable[str] | None
) -> Any:
    stored = folder / "tokenizer"
    if not stored.is_dir():
        texts = corpus or (text for example in examples for text in (example.problem, *example.steps))
        with atomic_folder(stored) as draft:
            train_tokenizer(texts, config.vocabulary).save_pretrained(draft)
    return checkpoint.load_tokenizer(str(stored), None)


def validate_base(model: ProcessRewardModel, tokenizer: Any, config: TrainConfig) -> None:
    """Raises BadCheckpoint for what would fail late or silently with this base."""
    context = getattr(model.body.config, "max_position_embeddings", None)
    if context is not None and context < config.max_length:
        raise BadCheckpoint(
            f"max_length is {config.max_length}, but the context of the base is {context} tokens; "
            f"set max_length to at most {context}"
        )
    embedding: Any = model.body.get_input_embeddings()
    size = embedding.num_embeddings
    if len(tokenizer) > size:
        raise BadCheckpoint(f"the tokenizer has {len(tokenizer)} tokens, the base has room for {size}")
    if not tokenizer.encode("\n", add_special_tokens=False):
        raise BadCheckpoint("the tokenizer has no token for a line break, which ends a step")
    special = set(tokenizer.all_special_ids)
    if special & set(tokenizer.encode("\n", add_special_tokens=False)):
        raise BadCheckpoint("the tokenizer writes a line break, which ends a step, as a special token")
