"""`stepmark evaluate`: no worker, no web; a model of the project, a file's scores, a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sqlalchemy import select
from transformers import Qwen2Config, Qwen2ForTokenClassification
from typer.testing import CliRunner, Result

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.prm.encoding import train_tokenizer
from app.settings import settings
from app.training import external_models
from app.training.models import Model
from tests.factories import base as factories
from tests.factories import evaluation as judged

pytestmark = pytest.mark.usefixtures("database", "home")


@pytest.fixture
def project() -> int:
    with transaction() as db:
        model = factories.project(db, "Judged here")
        solutions = judged.pool(db, model, 6)
        judged.scored(db, model, solutions, [0.9, 0.2, 0.5, 0.4], "by hand")
        for four in solutions:
            for place, solution in enumerate(four):
                solution.detail = {"rm": float(place), "note": "x"}
        for number, four in enumerate(solutions):
            for solution in four:
                scores = {"half": 1.0} if number < 3 else {}
                solution.detail |= scores | ({"few": 1.0} if number < 1 else {})
        factories.project(db, "Empty")
        return model.id


def stepmark(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "--project", "Judged here", *arguments])


def test_evaluate_a_model_of_the_project(project: int, tmp_path: Path) -> None:
    """The default set is made and frozen on the way."""
    out = tmp_path / "results.json"
    done = stepmark("--model", "by hand", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "best of          100.0 %" in done.output
    written = json.loads(out.read_text())
    assert written["set"]["name"] == "Validation"
    assert len(written["set"]["hash"]) == 64
    assert written["results"]["best_of_n"]["curves"]["best_of"]["mean"] == [0.5, 0.5, 0.75, 1.0]


def test_evaluate_external_scores(project: int) -> None:
    """Its scores prefer the wrong ones: the more it sees, the worse."""
    done = stepmark("--model", "file:rm")
    assert done.exit_code == 0, done.output
    assert "best of            0.0 %" in done.output
    assert stepmark("--model", "file:nothing").exit_code == 3


def test_solutions_without_a_score_are_counted_and_their_problems_left_out(
    project: int, tmp_path: Path
) -> None:
    out = tmp_path / "half.json"
    done = stepmark("--model", "file:half", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "12 of 24 graded solutions have a score. 12 have none" in done.output
    assert "3 problems, 12 solutions; at N = 4:" in done.output
    results = json.loads(out.read_text())["results"]
    coverage = {"scored": 12, "solutions": 24, "unscored_problems": 3, "mostly_missing": False}
    assert results["coverage"]["graded"] == coverage
    assert results["best_of_n"]["unscored"] == 0


def test_no_figure_is_reported_if_most_solutions_have_no_score(project: int, tmp_path: Path) -> None:
    out = tmp_path / "few.json"
    done = stepmark("--model", "file:few", "--out", str(out))
    assert done.exit_code == 4, done.output
    assert "4 of 24 graded solutions have a score. 20 have none" in done.output
    assert "Best-of-N and votes are not reported" in done.output
    assert "%" not in done.output
    results = json.loads(out.read_text())["results"]
    assert results["best_of_n"] is None
    assert results["coverage"]["graded"]["mostly_missing"] is True


def test_evaluate_an_external_checkpoint(project: int, tmp_path: Path) -> None:
    """Copied, registered once, its missing scores made: by processes, as the worker would."""
    torch.manual_seed(0)
    folder = tmp_path / "theirs"
    config = Qwen2Config(
        vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, num_labels=2,
    )  # fmt: skip
    Qwen2ForTokenClassification(config).save_pretrained(folder)
    train_tokenizer(["Problem 0?"], 300).save_pretrained(folder)
    done = stepmark("--model", str(folder))
    assert done.exit_code == 0, done.output
    assert "6 problems, 24 solutions; at N = 4:" in done.output
    with transaction() as db:
        model = db.scalars(select(Model).where(Model.name == "theirs")).one()
        (settings().models_dir / "copy").mkdir()
        again = {"path": "copy", "weights_hash": model.weights_hash.hex(), "kind": "prm", "config": {}}
        assert external_models.register_model(db, project, str(folder), again) == model.id
    assert model.metrics == {"made_elsewhere": True}
    folders = [path.name for path in (settings().models_dir / str(project)).iterdir()]
    assert [f"{project}/{name}" for name in folders] == [model.path]
    assert not (settings().models_dir / "copy").exists(), "the second copy is gone"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused = stepmark("--model", str(folder))
    assert refused.exit_code == 3
    assert "may carry code" in refused.output


def test_missing_models_and_sets_are_reported(project: int) -> None:
    assert isinstance(stepmark("--model", "nobody").exception, NotFound)
    assert isinstance(stepmark("--model", "by hand", "--set", "none").exception, NotFound)
    empty = CliRunner().invoke(cli, ["evaluate", "--project", "Empty", "--model", "by hand"])
    assert isinstance(empty.exception, Invalid | Conflict)
