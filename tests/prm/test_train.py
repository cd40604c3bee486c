"""The trainer learns, can be stopped anywhere, and batch layout does not change what it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.common.array_statistics import area_under_curve
from app.prm.batch_layout import build_padded_batch
from app.prm.config import TrainConfig
from app.prm.encoding import Encoder, encode_examples, train_tokenizer
from app.prm.examples import Example, TokenRow, group_rows, iter_optimizer_steps
from app.prm.loss import step_loss
from app.prm.model import ProcessRewardModel, build_model
from app.prm.train import NoLabeledExamples, TrainOutcome, train
from tests.prm.conftest import TINY, sums


def small_model() -> tuple[ProcessRewardModel, Encoder, int]:
    examples = sums(40)
    tokenizer = train_tokenizer((step for example in examples for step in example.steps), 400)
    torch.manual_seed(0)
    return (
        build_model(TINY, len(tokenizer), tokenizer.pad_token_id),
        Encoder(tokenizer, 128),
        tokenizer.pad_token_id,
    )


def test_it_learns_what_can_be_learned(trained: tuple[TrainOutcome, list[dict[str, Any]]]) -> None:
    outcome, reports = trained
    best = outcome.metrics["best"]
    assert best["accuracy"] > 0.95 > best["always_positive"]
    assert best["negative_auc"] > 0.99
    losses = [report["loss"] for report in reports if report.get("phase") == "training" and "loss" in report]
    assert losses[-1] < losses[0] / 3


def test_only_labeled_steps_have_a_gradient() -> None:
    model, encoder, pad = small_model()
    steps = ["1 right", "2 wrong", "3 right"]
    cut = encoder.encode("p", steps, [1, -1, None])
    shorter = encoder.encode("p", steps[:2], [1, -1])
    losses = []
    for row in (cut, shorter):
        batch = build_padded_batch([row], pad)
        losses.append(step_loss(model(batch), batch.targets(), 2).item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_no_token_spans_a_boundary() -> None:
    _, encoder, _ = small_model()
    row = encoder.encode("A", ["x=1\n", "  y", "\n\nz"], [1, 1, 1])
    assert [row.ids[end] for end in row.ends] == encoder.tokenizer.encode("\n") * 3
    encoded = encoder.encode("A", ["x=1\n"], [1])
    assert row.ids[: len(encoded.ids)] == encoded.ids


def test_what_is_cut_off_is_counted() -> None:
    _, encoder, _ = small_model()
    encoder.max_length = 24
    long = Example("p", ["7 that is right"] * 9, [1] * 9)
    rows, lost = encode_examples(encoder, [long, Example("q" * 40, ["1"], [1]), Example("r", ["1"], [None])])
    assert len(rows) == 1
    assert lost == {"labels_cut": 9 - rows[0].labeled + 1, "solutions_without_label": 2}
    assert len(rows[0].ids) <= 24


def test_a_stopped_run_goes_on_to_the_same_loss_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.prm.train.REPORT_SECONDS", 0)
    config = TINY.replace(epochs=1.5, dropout=0.2)
    examples = sums(96) + sums(20, seed=1, split="validation")

    def curve(folder: Path, stop_at: int | None) -> tuple[dict[int, float], TrainOutcome]:
        losses: dict[int, float] = {}
        seen = iter(range(10_000))

        def report(progress: dict[str, Any]) -> None:
            if "loss" in progress:
                losses[progress["step"]] = progress["loss"]

        outcome = train(
            config,
            examples,
            folder,
            report,
            lambda: "enough" if stop_at is not None and next(seen) == stop_at else None,
            "cd" * 32,
        )
        return losses, outcome

    straight, _ = curve(tmp_path / "straight", None)
    _, stopped = curve(tmp_path / "halting", 4)
    assert (stopped.state, stopped.reason) == ("stopped", "enough")
    resumed, finished = curve(tmp_path / "halting", None)
    assert finished.state == "finished"
    assert sorted(straight) == list(range(1, 10))
    assert resumed == pytest.approx({step: straight[step] for step in range(5, 10)}, rel=1e-5)
    assert finished.metrics["best"]["loss"] == pytest.approx(_best(tmp_path / "straight"), rel=1e-5)


def _best(folder: Path) -> float:
    import json

    return float(json.loads((folder / "best.json").read_text())["loss"])


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    config = TINY.replace(epochs=1, checkpoint_seconds=0)
    calls = iter(range(10_000))
    train(config, sums(64), tmp_path, lambda report: None, lambda: "stop" if next(calls) == 3 else None, "")
    newest = sorted((tmp_path / "checkpoints").glob("step-*"))[-1]
    (newest / "weights.safetensors").write_bytes(b"cut")
    reports: list[dict[str, Any]] = []
    assert train(config, sums(64), tmp_path, reports.append, lambda: None, "").state == "finished"
    assert [report["resumed_at"] for report in reports if "resumed_at" in report] == [2]


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLabeledExamples, match="no solution carries a label"):
        train(TINY, [Example("p", ["a"], [None])], tmp_path, lambda report: None, lambda: None, "")


def test_every_row_once_before_any_twice() -> None:
    alone = [[index] for index in range(10)]
    seen = [index for step in iter_optimizer_steps(alone, 4, 5, seed=3) for index in step]
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_alternatives_of_one_walk_come_together() -> None:
    token_rows = [TokenRow([1, 2, last], [1, 2], [2, 2], start=1) for last in (3, 4, 5)]
    rows = [
        token_rows[0],
        TokenRow([1, 6, 9], [1, 2], [2, 2], 1),
        token_rows[1],
        TokenRow([7, 6, 9], [1, 2], [2, 2], 1),
        token_rows[2],
    ]
    groups = group_rows(rows, "path")
    assert groups == [[0, 2, 4], [1], [3]]
    assert group_rows(rows, "problem") == [[0, 1, 2, 4], [3]]
    assert group_rows(rows, "none") == [[0], [1], [2], [3], [4]]
    drawn = next(iter(iter_optimizer_steps(groups, 5, 1, seed=0)))
    assert drawn[drawn.index(0) :][:3] == [0, 2, 4]


def test_area_under_curve_against_all_pairs() -> None:
    scores = np.array([0.1, 0.4, 0.4, 0.8, 0.4, 0.2])
    truth = np.array([False, True, False, True, True, False])
    above = [(a > b) + (a == b) / 2 for a in scores[truth].tolist() for b in scores[~truth].tolist()]
    assert area_under_curve(scores, truth) == pytest.approx(sum(above) / len(above))
    assert area_under_curve(scores, np.ones(6, dtype=bool)) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"epoch": 1}, "unknown option 'epoch'"),
        ({"epochs": "many"}, "epochs must be a number"),
        ({"epochs": float("nan")}, "epochs must be a finite number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"size": "huge"}, "size must be one of tiny"),
        ({"learning_rate": 7}, "learning_rate must be between"),
        ({"revision": "main"}, "revision belongs to a base"),
        ([], "must be a JSON object"),
    ],
)
def test_a_bad_config_names_the_field(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig.parse(config)


def test_a_config_survives_json() -> None:
    assert TrainConfig.parse(TINY.to_json()) == TINY


def test_the_learning_rate_suits_what_is_trained() -> None:
    cases = {
        3e-4: {},
        1e-5: {"base": "x"},
        1e-4: {"base": "x", "lora_rank": 4},
        2e-3: {"base": "x", "learning_rate": 2e-3},
    }
    for rate, options in cases.items():
        assert TrainConfig.parse(options).peak_learning_rate == rate


def test_labels_that_are_cut_off_are_reported_before_the_first_step(tmp_path: Path) -> None:
    reports: list[dict] = []
    config = TINY.replace(max_length=64)
    examples = [*sums(8), Example("p", ["7 that is right"] * 60, [1] * 59 + [-1])]
    train(config, examples, tmp_path, reports.append, lambda: "stop", "")
    (lost,) = [report["lost"]["train"] for report in reports if "lost" in report]
    assert lost["negative_labels_cut"] == 1
    assert lost["labels_cut"] >= lost["negative_labels_cut"]
