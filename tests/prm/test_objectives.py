"""Each objective learns what it says, is read where it says, and survives being published."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from app.common.config import ConfigError
from app.prm import checkpoint
from app.prm.batch_layout import build_padded_batch, iter_batches
from app.prm.checkpoint_safety import BadCheckpoint
from app.prm.config import ScoreConfig, TrainConfig
from app.prm.encoding import Encoder, encode_examples, train_tokenizer
from app.prm.examples import Example
from app.prm.init_model import build_model_and_tokenizer
from app.prm.loss import language_loss
from app.prm.model import ProcessRewardModel, build_model
from app.prm.objectives import OBJECTIVES, get_objective
from app.prm.predict import Scorer
from app.prm.train import TrainOutcome, train
from tests.prm.conftest import TINY, sums

PROBLEM, STEPS = "What is it?", ["one", "two then", "three"]


def option(**changes: Any) -> TrainConfig:
    return TINY.replace(**changes)


def encoder() -> Encoder:
    pieces = (piece for example in sums(40) for piece in example.steps)
    return Encoder(train_tokenizer([*pieces, PROBLEM, *STEPS], 400), 128)


def row_of(example: Example, **changes: Any) -> Any:
    rows, lost = encode_examples(encoder(), [example], option(**changes))
    return (rows[0] if rows else None), lost


def soft(examples: list[Example]) -> list[Example]:
    value = {-1: 0.1, 0: 0.6, 1: 0.9, None: None}
    return [
        dataclasses.replace(example, values=[value[target] for target in example.targets])
        for example in examples
    ]


def outcome(examples: list[Example]) -> list[Example]:
    """The last step's rating as the verdict of the whole."""
    return [
        dataclasses.replace(example, targets=[None] * (len(example.steps) - 1) + [example.targets[-1] or -1])
        for example in examples
    ]


def run(
    config: TrainConfig, folder: Path, examples: list[Example], reports: list[Any] | None = None
) -> TrainOutcome:
    report = (lambda _: None) if reports is None else reports.append
    return train(config, examples, folder, report, lambda: None, "00" * 32)


def test_two_classes_count_a_neutral_step_as_told() -> None:
    example = Example(PROBLEM, STEPS, [1, 0, -1])
    row, _ = row_of(example, objective="prm2")
    assert (row.points, row.values) == (row.ends, [1.0, 1.0, 0.0])
    row, _ = row_of(example, objective="prm2", neutral_is_positive=False)
    assert row.values == [1.0, 0.0, 0.0]


def test_soft_labels_stand_where_they_are_and_nowhere_else() -> None:
    row, _ = row_of(Example(PROBLEM, STEPS, [None] * 3, values=[0.25, None, 1.0]), objective="soft")
    assert (row.points, row.values) == ([row.ends[0], row.ends[2]], [0.25, 1.0])
    row, lost = row_of(Example(PROBLEM, STEPS, [1, 1, 1]), objective="soft")
    assert row is None
    assert lost["solutions_without_label"] == 1


@pytest.mark.parametrize(
    ("objective", "everywhere"), [("orm", True), ("verifier_token", True), ("verifier_solution", False)]
)
def test_an_outcome_is_taught_at_every_token_of_the_solution_or_at_the_last(
    objective: str, everywhere: bool
) -> None:
    row, _ = row_of(Example(PROBLEM, STEPS, [None, None, -1]), objective=objective)
    last = len(row.ids) - 1
    assert row.points == (list(range(row.start, last + 1)) if everywhere else [last])
    assert set(row.values) == {0.0}


def test_the_outcome_of_a_solution_that_is_cut_off_is_not_taught_and_is_counted() -> None:
    rows, lost = encode_examples(
        Encoder(encoder().tokenizer, 12),
        [Example(PROBLEM, STEPS * 9, [None] * 26 + [1])],
        option(objective="orm"),
    )
    assert rows == []
    assert lost == {"labels_cut": 1, "solutions_without_label": 1}


def test_losses_by_hand() -> None:
    rows = [row_of(Example(PROBLEM, STEPS, [1, 0, -1]), objective="prm2")[0]]
    batch = build_padded_batch(rows, 0)
    logits = torch.tensor([[0.3], [-0.2], [1.5]])
    log_sigmoid = lambda x: -math.log1p(math.exp(-x))  # noqa: E731
    by_hand = -(log_sigmoid(0.3) + log_sigmoid(-0.2) + log_sigmoid(-1.5)) / 7
    assert float(get_objective("prm2").loss(logits, batch, 7)) == pytest.approx(by_hand, rel=1e-5)
    squares = (0.7**2 + 1.2**2 + 1.5**2) / 7
    assert float(get_objective("verifier_token").loss(logits, batch, 7)) == pytest.approx(squares, rel=1e-5)


def test_the_language_loss_is_that_of_the_solution_tokens_alone() -> None:
    torch.manual_seed(0)
    rows = [row_of(Example(PROBLEM, STEPS, [None, None, 1]), objective="verifier_token")[0]]
    model = build_model(option(), 400, 0)
    model.eval()
    states = model.hidden(build_padded_batch(rows, 0))
    table = model.body.get_input_embeddings().weight
    ids = rows[0].ids
    logits = (states @ table.T).log_softmax(1)
    by_hand = -sum(float(logits[at - 1, ids[at]].detach()) for at in range(rows[0].start, len(ids)))
    loss = language_loss(states, build_padded_batch(rows, 0), table, 10)
    assert float(loss.detach()) == pytest.approx(by_hand / 10, rel=1e-4)


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_layouts_agree_for_every_objective(objective: str) -> None:
    examples = [
        dataclasses.replace(example, problem=f"problem {number % 3}")
        for number, example in enumerate(sums(12))
    ]
    examples = outcome(examples) if get_objective(objective).kind == "orm" else soft(examples)
    config = option(objective=objective)
    rows, _ = encode_examples(encoder(), examples, config)
    torch.manual_seed(0)
    model = build_model(config, 400, 0)
    results = []
    for how in ("padded", "packed", "tree"):
        model.zero_grad()
        model.backend = "stepmark_branches"
        labeled, tokens = sum(row.labeled for row in rows), sum(len(row.ids) - row.start for row in rows)
        total = 0.0
        for batch in iter_batches(rows, how, 300, 0):
            part = model.loss(batch, labeled, tokens, 1.0)
            part.backward()
            total += float(part.detach())
        results.append((total, [weight.grad.clone() for weight in model.parameters()]))
    for total, gradient in results[1:]:
        assert total == pytest.approx(results[0][0], rel=1e-5)
        for expected, other in zip(results[0][1], gradient, strict=True):
            torch.testing.assert_close(expected, other, atol=2e-6, rtol=1e-3)


@pytest.mark.parametrize("objective", list(OBJECTIVES)[1:])  # the first: test_train.py
def test_each_learns_is_published_and_rates(objective: str, tmp_path: Path) -> None:
    prepare = outcome if get_objective(objective).kind == "orm" else soft
    examples = prepare(sums(100)) + prepare(sums(30, seed=4, split="validation"))
    epochs = 10.0 if prepare is soft else 20.0
    done = run(option(objective=objective, epochs=epochs, dropout=0.0), tmp_path, examples)
    best = done.metrics["best"]
    assert best["negative_auc"] > 0.85, best
    assert best["accuracy"] > max(best["always_positive"], 1 - best["always_positive"]) - 1e-6, best
    assert done.published is not None
    scorer = Scorer(done.published, ScoreConfig(device="cpu"))
    (scored,) = scorer.score([(example.problem, example.steps) for example in sums(1, seed=8)])
    assert scored is not None
    probs = torch.tensor(scored.step_probs).reshape(-1, 3)
    torch.testing.assert_close(probs.sum(1), torch.ones(len(probs)))
    assert checkpoint.load(done.published).card["kind"] == get_objective(objective).kind
    if get_objective(objective).kind == "orm":
        assert scored.log_score == pytest.approx(math.log(max(float(probs[-1, 2]), 1e-12)), abs=1e-5)


def test_adapters_learn_alone_and_are_merged(tmp_path: Path) -> None:
    config = option(lora_rank=4, epochs=4.0, learning_rate=5e-3)
    model, _ = build_model_and_tokenizer(config, sums(20), tmp_path / "look", None)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning
    assert all("lora_" in name or name.startswith("head.") for name in learning)
    done = run(config, tmp_path / "run", sums(60) + sums(20, seed=4, split="validation"))
    assert done.metrics["best"]["negative_auc"] > 0.8
    assert done.published is not None
    body = checkpoint.load(done.published).model.body
    assert not any("lora" in name for name, _ in body.named_parameters())


def test_gradient_checkpointing_changes_memory_not_the_loss(tmp_path: Path) -> None:
    curves = []
    for keep_best in (False, True):
        reports: list[Any] = []
        run(
            option(epochs=1.0, gradient_checkpointing=keep_best), tmp_path / str(keep_best), sums(30), reports
        )
        curves.append([report["loss"] for report in reports if "loss" in report])
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)


def test_it_stops_when_looking_no_longer_helps(tmp_path: Path) -> None:
    held = [
        dataclasses.replace(example, targets=[-(t or 0) for t in example.targets])
        for example in sums(10, split="validation")
    ]
    config = option(epochs=20.0, evaluations=20, patience=2)
    done = run(config, tmp_path, sums(30) + held)  # what it learns is wrong on what it is looked at
    steps_of_all_epochs = 20 * 30
    assert done.metrics["best"]["step"] < done.metrics["stopped_early_at"] < steps_of_all_epochs


def test_dropout_is_there_while_learning_and_not_after() -> None:
    rows = [row_of(Example(PROBLEM, STEPS, [1, 0, -1]))[0]]
    model = build_model(option(), 400, 0)
    from app.prm.model import add_residual_dropout

    add_residual_dropout(model.body, 0.5)
    batch = build_padded_batch(rows, 0)
    model.train()
    assert not torch.equal(model(batch), model(batch))
    model.eval()
    assert torch.equal(model(batch), model(batch))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "rlhf"}, "objective must be one of"),
        ({"lora_rank": -1}, "lora_rank"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_options_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.parse(TINY.to_json() | changes)


def a_base(folder: Path, **changes: Any) -> TrainConfig:
    from transformers import AutoModel, LlamaConfig

    shape = {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
             "num_attention_heads": 2, "max_position_embeddings": 128}  # fmt: skip
    AutoModel.from_config(LlamaConfig(**shape | changes)).save_pretrained(folder)
    encoder().tokenizer.save_pretrained(folder)
    return option(base=str(folder), max_length=128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_position_embeddings": 64}, "the context of the base is 64 tokens"),
        ({"vocab_size": 100}, "has room for 100"),
    ],
)
def test_a_base_that_cannot_serve_is_refused_at_the_start(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    config = a_base(tmp_path / "base", **changes)
    with pytest.raises(BadCheckpoint, match=message):
        build_model_and_tokenizer(config, [], tmp_path, None)


def test_a_base_whose_line_break_is_special_is_refused(tmp_path: Path) -> None:
    config = a_base(tmp_path / "base")
    tokenizer = encoder().tokenizer
    tokenizer.add_special_tokens({"additional_special_tokens": ["\n"]})
    tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(BadCheckpoint, match=r"special token|has room"):
        build_model_and_tokenizer(config, [], tmp_path, None)


def test_a_step_is_tokenised_by_itself_whatever_stands_beside_it() -> None:
    first = encoder()
    ends = first.encode(PROBLEM, ["a", "b"]).ends
    assert ends[0] == first.encode(PROBLEM, ["a", " \n\nb"]).ends[0]
    assert first.encode(PROBLEM, ["a"]).ids == first.encode(PROBLEM, ["a", "b"]).ids[: ends[0] + 1]


def test_model_type() -> None:
    assert isinstance(build_model(option(objective="prm2"), 400, 0), ProcessRewardModel)
    assert build_model(option(objective="prm2"), 400, 0).head.out_features == 1
