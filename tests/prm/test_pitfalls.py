"""Mistakes that others made with PRMs, each made on purpose or looked for."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from app.prm.batch_layout import count_distinct_tokens, iter_batches
from app.prm.encoding import SPECIALS, Encoder, encode_examples, train_tokenizer
from app.prm.examples import Example
from app.prm.loss import step_loss
from app.prm.model import build_model
from tests.prm.conftest import TINY

STEPS = ["It is right.", "It is wrong."]


def merging() -> PreTrainedTokenizerFast:
    """A tokenizer that likes to write the end of a text and the line break behind it as one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIALS.values()), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([f"{step}\n" for step in STEPS] * 50, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIALS)


def test_a_separator_is_not_merged_with_the_text_before_it() -> None:
    tokenizer = merging()
    line_break = tokenizer.encode("\n")
    assert tokenizer.encode(f"{STEPS[0]}\n")[-1:] != line_break  # together it would be lost
    row = Encoder(tokenizer, 128).encode("Is it?", STEPS, [1, -1])
    assert [row.ids[end] for end in row.ends] == line_break * 2
    assert row.ids[row.start : row.ends[0] + 1] == tokenizer.encode(STEPS[0]) + line_break


def test_a_step_without_text_is_still_judged_at_its_own_place() -> None:
    row = Encoder(merging(), 128).encode("Is it?", ["", "", STEPS[0]], [0, -1, 1])
    assert len(set(row.ends)) == 3
    assert row.targets == [1, 0, 2]


def test_a_step_without_a_label_makes_no_loss_and_a_batch_without_one_no_step() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    step_loss(logits, torch.tensor([-100, 2]), 1).backward()
    assert logits.grad is not None
    assert logits.grad[0].abs().sum() == 0 < logits.grad[1].abs().sum()
    with pytest.raises(ValueError, match="without a label"):
        step_loss(logits, torch.tensor([-100, -100]), 0)


def test_a_prefix_of_alternatives_counts_once_and_is_computed_once() -> None:
    """A walk of two steps, and two alternatives of its second: four labels, not six."""
    walk = Example("Is it?", ["First.", "chosen"], [1, 1])
    others = [Example("Is it?", ["First.", text], [None, -1]) for text in ("this", "that one")]
    tokenizer = train_tokenizer(["Is it?", "First.", "chosen", "this", "that one"], 400)
    rows, _ = encode_examples(Encoder(tokenizer, 128), [walk, *others], TINY)
    assert sum(row.labeled for row in rows) == 4
    torch.manual_seed(0)
    model = build_model(TINY, len(tokenizer), 0).requires_grad_(False)
    (tree,) = iter_batches(rows, "tree", 1000, 0)
    assert tree.computed_tokens == count_distinct_tokens(rows) < sum(len(row.ids) for row in rows)
    together = float(step_loss(model(tree), tree.targets(), 4))
    alone = [batch for row in rows for batch in iter_batches([row], "padded", 1000, 0)]
    by_one = [float(step_loss(model(batch), batch.targets(), 4)) for batch in alone]
    assert together == pytest.approx(sum(by_one), rel=1e-5)
