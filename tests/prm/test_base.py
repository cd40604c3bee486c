"""A base is checked before an hour is spent on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from app.common.config import ConfigError
from app.prm import checkpoint
from app.prm.batch_layout import build_padded_batch
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.config import TrainConfig
from app.prm.encoding import Encoder, train_tokenizer
from app.prm.init_model import build_model_and_tokenizer
from app.prm.model import ProcessRewardModel
from tests.prm.conftest import TINY

NAME = "model.layers.0.mlp.up_proj.weight"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """As people publish them: with a language-model head, and a name for it."""
    shape = {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    config = LlamaConfig(**shape, num_attention_heads=2, max_position_embeddings=128)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    train_tokenizer(["some text"], 300).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def init_model(base: Path, **options: Any) -> ProcessRewardModel:
    config = TrainConfig.parse(TINY.to_json() | {"base": str(base)} | options)
    return build_model_and_tokenizer(config, [], base.parent / "run", None)[0]


def rewritten(base: Path, **tensors: torch.Tensor | None) -> None:
    path = base / "model.safetensors"
    stored = {**load_file(path), **{NAME: tensors["tensor"]}}
    save_file({k: v for k, v in stored.items() if v is not None}, path, metadata={"format": "pt"})


def a_weight_is_missing(base: Path) -> None:
    rewritten(base, tensor=None)


def a_weight_has_another_shape(base: Path) -> None:
    rewritten(base, tensor=torch.zeros(3, 3))


def a_weight_is_not_finite(base: Path) -> None:
    rewritten(base, tensor=torch.full((64, 32), float("nan")))


def the_weights_are_a_link(base: Path) -> None:
    (base / "model.safetensors").rename(base.parent / "elsewhere")
    (base / "model.safetensors").symlink_to(base.parent / "elsewhere")


def no_tokenizer(base: Path) -> None:
    for path in base.glob("tokenizer*"):
        path.unlink()


def no_token_for_a_line_break(base: Path) -> None:
    tokenizer = Tokenizer(models.BPE({"a": 0, "</s>": 1}, []))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(base)


def neither_padding_nor_end(base: Path) -> None:
    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE({"\n": 0, "a": 1}, [])))
    plain.save_pretrained(base)


def test_a_good_one_starts(base: Path) -> None:
    init_model(base)


@pytest.mark.parametrize("tied", [False, True])
def test_the_head_begins_with_what_the_base_would_say(base: Path, tied: bool) -> None:
    if tied:
        config = LlamaConfig.from_pretrained(base)
        config.tie_word_embeddings = True
        LlamaForCausalLM(config).save_pretrained(base)
    language_model = LlamaForCausalLM.from_pretrained(base)
    wrong, right = checkpoint.load_tokenizer(str(base), None).convert_tokens_to_ids(["x", "t"])
    label_weights = language_model.lm_head.weight.detach()
    model = init_model(base, label_tokens=["x", "t"])
    assert torch.equal(model.head.weight, label_weights[[wrong, right, right]])
    ids = torch.tensor([[wrong, 5, right]])
    with torch.no_grad():
        logits = language_model(ids).logits[..., [wrong, right, right]]
        ours = model.head(model.body(ids).last_hidden_state)
    assert torch.allclose(ours, logits, atol=1e-5)
    single = init_model(base, label_tokens=["x", "t"], objective="orm")
    assert torch.equal(single.head.weight, label_weights[[right]] - label_weights[[wrong]])


@pytest.mark.parametrize("tied", [False, True])
def test_the_language_loss_is_that_of_the_base(base: Path, tied: bool) -> None:
    """With the base's own output layer, tied to its input embedding or not."""
    if tied:
        config = LlamaConfig.from_pretrained(base)
        config.tie_word_embeddings = True
        LlamaForCausalLM(config).save_pretrained(base)
    base_model = LlamaForCausalLM.from_pretrained(base).eval()
    model = init_model(base, objective="verifier_token", dropout=0.0)
    tokenizer = checkpoint.load_tokenizer(str(base), None)
    row = Encoder(tokenizer, 128).encode("some text", ["text some", "some"])
    row = replace(row, points=[len(row.ids) - 1], values=[1.0])
    batch = build_padded_batch([row], int(tokenizer.pad_token_id))
    labels = torch.tensor([[-100] * row.start + row.ids[row.start :]])
    with torch.no_grad():
        expected = base_model(torch.tensor([row.ids]), labels=labels).loss
        tokens = len(row.ids) - row.start
        losses = [model.loss(batch, 1, tokens, weight) for weight in (1.0, 0.0)]
    assert float(losses[0] - losses[1]) == pytest.approx(float(expected), abs=1e-5)
    assert (model.output_weights is None) == tied


def test_words_the_base_cannot_say_are_refused(base: Path) -> None:
    with pytest.raises(BadCheckpoint, match="'some wrong' is not one token"):
        init_model(base, label_tokens=["some wrong", "t"])
    with pytest.raises(ConfigError, match="two words of a base"):
        init_model(base, label_tokens=["t"])
    with pytest.raises(ConfigError, match="two words of a base"):
        TrainConfig.parse({"label_tokens": ["x", "t"]})


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (a_weight_is_missing, r"lacks 1 of its weights, layers\.0\.mlp\.up_proj"),
        (a_weight_has_another_shape, "could not load"),
        (a_weight_is_not_finite, r"up_proj\.weight contains values that are not finite"),
        (the_weights_are_a_link, "link out of"),
        (no_tokenizer, "could not load the tokenizer"),
        (no_token_for_a_line_break, "no token for a line break"),
        (neither_padding_nor_end, "neither a padding nor an end token"),
    ],
)
def test_one_that_cannot_serve_is_refused_with_the_reason(
    base: Path, harm: Callable[[Path], None], message: str
) -> None:
    harm(base)
    with pytest.raises(BadCheckpoint, match=message):
        init_model(base)


def test_without_a_padding_token_the_end_token_pads(base: Path) -> None:
    tokenizer = train_tokenizer(["some text"], 300)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(base)
    loaded = checkpoint.load_tokenizer(str(base), None)
    assert loaded.pad_token_id == loaded.eos_token_id is not None
    init_model(base)
