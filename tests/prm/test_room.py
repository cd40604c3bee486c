"""Micro-batches fit into memory; where they do not after all, they are halved and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.prm import token_budget
from app.prm.batch_layout import Batch
from app.prm.config import ScoreConfig
from app.prm.model import ProcessRewardModel, build_model
from app.prm.predict import Scorer
from app.prm.train import TrainOutcome, train
from tests.prm.conftest import TINY, sums

CPU = torch.device("cpu")
Trained = tuple[TrainOutcome, list[dict[str, object]]]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that cannot hold a batch of more than 300 tokens."""
    original = ProcessRewardModel.hidden

    def hidden(model: ProcessRewardModel, batch: Batch) -> torch.Tensor:
        if batch.computed_tokens > 300:
            raise torch.OutOfMemoryError("out of memory: tried to allocate 20 GiB")
        return original(model, batch)

    monkeypatch.setattr(ProcessRewardModel, "hidden", hidden)


def solutions() -> Iterator[tuple[str, list[str]]]:
    return ((example.problem, example.steps) for example in sums(200, seed=9))


def test_the_budget_grows_with_memory_and_shrinks_with_the_model() -> None:
    model = build_model(TINY, 400, 0)
    large = build_model(TINY.replace(size="small"), 400, 0)
    capacity = 40_000_000
    assert token_budget.estimate_tokens(model, capacity, learning=False) > token_budget.estimate_tokens(
        model, capacity, learning=True
    )
    assert token_budget.estimate_tokens(model, capacity, learning=True) > token_budget.estimate_tokens(
        large, capacity, learning=True
    )
    assert token_budget.estimate_tokens(model, 0, learning=True) == token_budget.LEAST
    assert token_budget.estimate_tokens(model, 2**50, learning=False) == token_budget.MOST_SCORING
    assert 0 < token_budget.free_bytes(CPU) < 2**50


def test_activations_take_no_more_than_is_said() -> None:
    model = build_model(TINY, 400, 0)
    sizes: dict[int, int] = {}

    def record_size(tensor: torch.Tensor) -> torch.Tensor:
        sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    batch = Batch([], torch.ones(8, 64, dtype=torch.long), torch.arange(64).expand(8, 64),
                  torch.ones(8, 64, dtype=torch.long), None, torch.arange(512))  # fmt: skip
    with torch.autograd.graph.saved_tensors_hooks(record_size, lambda tensor: tensor):
        model.hidden(batch)
    weights = sum(weight.nbytes for weight in model.parameters())
    assert sum(sizes.values()) - weights <= batch.computed_tokens * token_budget.bytes_per_token(
        model, learning=True
    )


@pytest.mark.usefixtures("little_memory")
def test_scoring_halves_and_says_so(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_budget, "LEAST", 64)
    folder = trained[0].published
    assert folder is not None
    config = ScoreConfig(device="cpu", threads=1, layout="padded")
    scorer = Scorer(folder, config.replace(tokens_per_batch=2000))
    scores = scorer.score(list(solutions()))
    assert scorer.budget.tokens == 250
    assert any("250 tokens" in note for note in scorer.notes)
    expected = Scorer(folder, config.replace(tokens_per_batch=200)).score(list(solutions()))
    for score, other in zip(scores, expected, strict=True):
        assert score is not None
        assert other is not None
        assert score.step_probs == pytest.approx(other.step_probs, abs=1e-5)


@pytest.mark.usefixtures("little_memory")
def test_training_halves_and_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_budget, "LEAST", 64)
    losses = []
    for tokens in (200, 4000):
        config = TINY.replace(epochs=1.0, layout="packed", tokens_per_batch=tokens)
        monkeypatch.setattr("app.prm.prefix_attention.CHECKED_TOKENS", 200)
        reports: list[dict[str, object]] = []
        done = train(config, sums(48), tmp_path / str(tokens), reports.append, lambda: None, "")
        losses.append(reports[-2]["loss"])
    assert done.metrics["tokens"]["per_batch"] == 250
    assert "out of memory" in done.metrics["notes"][0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_another_error_is_not_taken_for_memory(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained[0].published
    assert folder is not None
    scorer = Scorer(folder, ScoreConfig(device="cpu", threads=1, layout="padded"))

    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(ProcessRewardModel, "hidden", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        scorer.score(list(solutions()))


def test_a_stream_keeps_its_order_and_its_tree(trained: Trained) -> None:
    folder = trained[0].published
    assert folder is not None
    config = ScoreConfig(device="cpu", threads=1)
    pool = [("one problem for all " * 5, [f"{number} that is right"]) for number in range(60)]
    pool.insert(30, ("p", ["word " * 500]))
    complete = Scorer(folder, config)
    expected = complete.score(pool)
    scorer = Scorer(folder, config)
    scores = list(scorer.stream(iter(pool), window=20))
    assert scores[30] is None
    for score, other in zip(scores, expected, strict=True):
        if score is None or other is None:
            assert score is other
        else:
            assert score.step_probs == pytest.approx(other.step_probs, abs=1e-5)
    assert complete.computed == complete.distinct < scorer.computed == scorer.distinct
