"""From trajectories to a folder that a generator reads, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.core.errors import Invalid
from app.search.revisions import build_prompt
from tests.prm.tiny_models import PAIRS, save_language_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_language_model(tmp_path_factory.mktemp("base") / "tiny", PAIRS)


def trained(tmp_path: Path, base: Path, lines: list[str], **config: object) -> object:
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    (tmp_path / "config.json").write_text(json.dumps({"device": "cpu", "threads": 1, **config}))
    names = {"data": "data.jsonl", "out": "made", "config": "config.json"}
    options = [part for name, file in names.items() for part in (f"--{name}", str(tmp_path / file))]
    return CliRunner().invoke(cli, ["train-reviser", "--base", str(base), *options], catch_exceptions=False)


def test_a_reviser_is_trained_and_samples(base: Path, tmp_path: Path) -> None:
    import threading

    from app.generators.config import parse
    from app.generators.transformers_sampler import TransformersSampler
    from app.lab.generator_proposer import GeneratorProposer

    shown = build_prompt("red?", [("blue",)])
    lines = [json.dumps({"prompt": shown, "completion": "red\n#### red"})] * 4
    done = trained(tmp_path, base, lines, epochs=60.0, batch=4, learning_rate=0.01, max_length=64)
    assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
    assert "trained on 4 trajectories, skipped 0 that are too long" in done.output  # type: ignore[attr-defined]
    config = parse({"endpoint": "completions", "prompt": "{problem}", "temperature": 0, "max_tokens": 20})
    sampler = TransformersSampler(tmp_path / "made", config, threading.Event())
    (continuation,) = GeneratorProposer(sampler, config).revise("red?", [[("blue",)]], [1])
    assert (continuation.steps, continuation.finished) == (("red", "#### red"), True)


def test_invalid_training_data_is_reported(base: Path, tmp_path: Path) -> None:
    good = json.dumps({"prompt": "a", "completion": "b"})
    for lines, config in (
        (["no json"], {}),
        (['{"prompt": "a"}'], {}),
        ([good], {"epochs": 0}),
        ([good], {"colour": 1}),
        ([json.dumps({"prompt": "a " * 500, "completion": "b"})], {"max_length": 64}),
    ):
        with pytest.raises(Invalid):
            trained(tmp_path, base, lines, **config)
    assert not (tmp_path / "made").exists()
