"""Padded, packed and prefix-shared rows give the same loss and the same gradient."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from app.prm import prefix_attention
from app.prm.batch_layout import (
    Batch,
    build_attention_mask,
    build_line_batch,
    build_padded_batch,
    common_prefix_length,
    count_distinct_tokens,
    iter_batches,
)
from app.prm.config import ARCHITECTURES
from app.prm.examples import TokenRow
from app.prm.loss import step_loss
from app.prm.model import ProcessRewardModel, build_model
from app.prm.prefix_attention import BRANCHES, attention_arguments
from tests.prm.conftest import TINY

VOCABULARY = 50


def model_of(architecture: str) -> ProcessRewardModel:
    torch.manual_seed(1)
    return build_model(TINY.replace(architecture=architecture, max_length=128), VOCABULARY, 0)


def family(problems: int = 3, solutions: int = 4, seed: int = 0) -> list[TokenRow]:
    """Rows that share a problem, and some of them steps; alternatives at a last position; one row
    twice; one that is the beginning of another."""
    rng = random.Random(seed)  # noqa: S311  # data for a test
    word = lambda low, high: [rng.randint(1, VOCABULARY - 1) for _ in range(rng.randint(low, high))]  # noqa: E731
    rows = []
    for _ in range(problems):
        problem, first = word(5, 9), word(2, 4)
        for number in range(solutions):
            steps = [first if number % 2 else word(2, 4), *(word(1, 5) for _ in range(rng.randint(1, 3)))]
            rows.append(row_of(problem, steps, rng))
        rows.append(row_of(problem, [first], rng))
        rows.append(rows[-2])
        for _ in range(3):
            rows.append(row_of(problem, [first, [7, 7], word(1, 3)], rng, only_last=True))
    rng.shuffle(rows)
    return rows


def row_of(
    problem: list[int], steps: list[list[int]], rng: random.Random, only_last: bool = False
) -> TokenRow:
    ids, ends = list(problem), []
    for step in steps:
        ids += step
        ends.append(len(ids) - 1)
    targets = [rng.choice([0, 1, 2, -100]) for _ in ends]
    if only_last:
        targets = [-100] * (len(ends) - 1) + [rng.choice([0, 1, 2])]
    return TokenRow(ids, ends, targets)


def learn(
    model: ProcessRewardModel, rows: list[TokenRow], how: str, tokens: int
) -> tuple[float, list[Tensor]]:
    """The loss of step ends plus a language-model loss over every token of every row."""
    model.zero_grad()
    labeled, total = sum(row.labeled for row in rows), 0.0
    embedding = model.body.get_input_embeddings().weight
    for batch in iter_batches(rows, how, tokens, 0):
        states = model.hidden(batch)
        loss = step_loss(model.head(states[batch.step_end_slots()]), batch.targets(), labeled)
        before = batch.token_slots([range(len(row.ids) - 1) for row in batch.rows])
        after = torch.tensor([token for row in batch.rows for token in row.ids[1:]])
        logits = states[before] @ embedding.T
        loss = loss + nn.functional.cross_entropy(logits, after, reduction="sum") / 1000
        loss.backward()
        total += float(loss.detach())
    return total, [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("backend", [BRANCHES, "sdpa"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loss_and_gradient_do_not_depend_on_the_layout(architecture: str, backend: str) -> None:
    model, rows = model_of(architecture), family()
    model.backend = backend
    expected, gradient = learn(model, rows, "padded", 10_000)
    for how, tokens in (("padded", 60), ("packed", 100), ("packed", 10_000), ("tree", 70), ("tree", 10_000)):
        loss, other = learn(model, rows, how, tokens)
        assert loss == pytest.approx(expected, rel=1e-5), (how, tokens)
        for gradient_part, two in zip(gradient, other, strict=True):
            torch.testing.assert_close(gradient_part, two, atol=2e-6, rtol=1e-3, msg=how)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_a_block_mask_shows_what_the_dense_mask_shows() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    batch = build_line_batch(sorted(family(), key=lambda row: row.ids), share_prefixes=True)
    query, key, value = torch.randn(3, 1, 2, batch.computed_tokens, 16).unbind()
    dense = nn.functional.scaled_dot_product_attention(
        query, key, value, attention_arguments(batch, "sdpa")["attention_mask"]
    )
    block = flex_attention(
        query, key, value, block_mask=attention_arguments(batch, "flex_attention")["attention_mask"]
    )
    torch.testing.assert_close(block, dense, atol=1e-5, rtol=1e-4)


RowsOfIds = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=9), min_size=1, max_size=12)


@given(RowsOfIds)
@settings(max_examples=150, deadline=None)
def test_a_tree_holds_each_prefix_once_and_shows_each_token_its_ancestors(texts: list[list[int]]) -> None:
    rows = sorted((TokenRow(ids, [len(ids) - 1], [0]) for ids in texts), key=lambda row: row.ids)
    batch = build_line_batch(rows, share_prefixes=True)
    prefixes = {tuple(ids[: n + 1]) for ids in texts for n in range(len(ids))}
    assert batch.computed_tokens == len(prefixes) == count_distinct_tokens(rows)
    mask = build_attention_mask(batch.until)[0, 0]
    start = 0
    for row in rows:
        slots = batch.slots[start : start + len(row.ids)]
        start += len(row.ids)
        assert batch.ids[0, slots].tolist() == row.ids
        assert batch.positions[0, slots].tolist() == list(range(len(row.ids)))
        for depth, slot in enumerate(slots.tolist()):
            assert mask[slot].nonzero().flatten().tolist() == sorted(slots[: depth + 1].tolist())


@given(RowsOfIds, st.integers(1, 40), st.sampled_from(["padded", "packed", "tree"]))
@settings(max_examples=150, deadline=None)
def test_every_row_is_in_one_batch_and_batches_keep_their_size(texts: list, tokens: int, how: str) -> None:
    rows = [TokenRow(ids, [len(ids) - 1], [0]) for ids in texts]
    batches: list[Batch] = list(iter_batches(rows, how, tokens, 0))
    assert sorted(id(row) for batch in batches for row in batch.rows) == sorted(map(id, rows))
    assert all(batch.computed_tokens <= tokens or len(batch.rows) == 1 for batch in batches)


@given(st.lists(st.integers(0, 1)), st.lists(st.integers(0, 1)))
def test_shared(first: list[int], other: list[int]) -> None:
    count = common_prefix_length(first, other)
    assert first[:count] == other[:count]
    assert count in (len(first), len(other)) or first[count] != other[count]


def test_a_body_that_slides_over_less_than_a_row_is_padded_aloud(caplog: pytest.LogCaptureFixture) -> None:
    model, rows = model_of("mistral"), family()
    model.body.config.sliding_window = 8
    assert prefix_attention.choose_layout(model, rows, "auto", 0)[0] == "padded"
    assert "slides over 8 tokens" in caplog.text
    model.body.config.sliding_window = 4096
    assert prefix_attention.choose_layout(model, rows, "auto", 0) == ("tree", None)


def test_a_layout_whose_answer_differs_is_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, rows = model_of("llama"), family()
    everyone = lambda until: torch.ones(1, 1, len(until), len(until), dtype=torch.bool)  # noqa: E731
    monkeypatch.setattr(prefix_attention, "build_attention_mask", everyone)  # a backend that loses the mask
    monkeypatch.setattr(prefix_attention, "BRANCHES", "sdpa")
    how, reason = prefix_attention.choose_layout(model, rows, "tree", 0)
    assert how == "padded"
    assert "differ" in (reason or "")
    assert "padded instead" in caplog.text


def test_a_padded_row_is_what_it_is_alone() -> None:
    model, rows = model_of("gpt2"), family(1)
    model.eval()
    with torch.no_grad():
        together = model(build_padded_batch(rows, 0))
        alone = torch.cat([model(build_padded_batch([row], 0)) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
