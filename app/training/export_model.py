"""Exporting a published model in a form that other programs load, verified before it is handed over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.settings import settings
from app.training.models import Model

SELECT_SOLUTIONS = text(
    """SELECT p.statement, s.steps FROM solution s JOIN problem p ON p.id = s.problem_id
       WHERE s.project_id = :project_id ORDER BY s.id LIMIT 100"""
)
PROBE = [("What is 12 + 30?", ["12 + 30 = 42.", "The answer is 42."])]
"""Read if the project has no solutions."""
Solutions = list[tuple[str, list[str]]]


def export_model(db: Session, model: Model, form: str, out: Path) -> int:
    """Write `model` to the new folder `out` and return on how many solutions it was verified. Raises Invalid
    if the model has no such form, or if plain transformers computes other scores; then nothing is left."""
    from app.prm.checkpoint_safety import BadCheckpoint

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Invalid(f"{out} already exists.", remedy="Name a new folder.")
    rows = db.execute(SELECT_SOLUTIONS, {"project_id": model.project_id})
    solutions = [(row.statement, list(row.steps)) for row in rows] or PROBE
    write = FORMS.get(form)
    if write is None or (form.endswith("-classifier") and form != choose_form(model)):
        raise Invalid(
            f"{model.name} cannot be exported as {form[:40]!r}.",
            remedy=f"Its forms are {choose_form(model)} and, for a PRM trained with lora_rank, adapter.",
        )
    try:
        return write(settings().models_dir / model.path, out, solutions)
    except BadCheckpoint as error:
        shutil.rmtree(out, ignore_errors=True)
        raise Invalid(f"{model.name} cannot be exported as {form}: {error}.") from error


def write_classifier(folder: Path, out: Path, solutions: Solutions) -> int:
    """A token classifier, or a sequence classifier for an outcome model. Raises BadCheckpoint."""
    from app.prm import checkpoint
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.classifier import can_build_classifier
    from app.prm.verify_export import verify_export

    loaded = checkpoint.load(folder)
    if not can_build_classifier(loaded.model):
        raise BadCheckpoint(
            "transformers has no class for its head (two layers, or an outcome model with bias)"
        )
    card = {key: value for key, value in loaded.card.items() if key not in ("format", "text")}
    checkpoint.save(out, loaded.model, loaded.tokenizer, card, loaded.text_format)
    return verify_export(out, solutions)


def write_adapter(folder: Path, out: Path, solutions: Solutions) -> int:
    """The low-rank adapter and the head, in PEFT's format. Raises BadCheckpoint."""
    from app.prm import adapter, checkpoint
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.model_card import render_model_card
    from app.prm.verify_export import compare_scores, score_solutions

    source = folder / adapter.FOLDER
    if not source.is_dir():
        raise BadCheckpoint("it was not trained as an adapter of a base (lora_rank)")
    loaded = checkpoint.load(folder)
    base = str(loaded.config.base)
    reader = checkpoint.render_folder_reader(loaded.card, loaded.tokenizer, adapter=True)
    shutil.copytree(source, out, dirs_exist_ok=True)
    (out / "README.md").write_text(render_model_card(loaded.card, reader), encoding="utf-8")
    scored = score_solutions(loaded, solutions)
    places = f"folder, base = {str(out.resolve())!r}, {base!r}\n"
    compare_scores(scored, places + reader, loaded.card["text"])
    return len(scored)


FORMS: dict[str, Callable[[Path, Path, Solutions], int]] = {
    "token-classifier": write_classifier,
    "sequence-classifier": write_classifier,
    "adapter": write_adapter,
}


def choose_form(model: Model) -> str:
    """The form of a model's kind."""
    return "token-classifier" if model.kind == "prm" else "sequence-classifier"


def find_by_name(db: Session, project_id: int, name: str) -> Model | None:
    """The newest model with this name or ID."""
    query: Any = select(Model).where(Model.project_id == project_id).order_by(Model.id.desc()).limit(1)
    named: Model | None = db.scalar(query.where(Model.name == name))
    if named is None and name.isdecimal():
        named = db.scalar(query.where(Model.id == int(name)))
    return named
