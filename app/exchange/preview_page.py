"""What the page of an uploaded file shows: how it is read, its first records, the form of the mapping."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.exchange import saved_mappings
from app.exchange.field_mapping import FieldMapping, build_mapping
from app.exchange.formats import mapped
from app.exchange.formats.guess import FormatGuess
from app.exchange.formats.registry import UnknownFormat, read_start
from app.exchange.mapping_form import MappingForm, build_form
from app.exchange.mapping_guess import guess_mapping, guess_zero
from app.exchange.preview import Preview, build_preview, suggest_choice


@dataclass
class PreviewPage:
    choice: FormatGuess | None = None
    """None while the mapping lacks something."""
    preview: Preview | None = None
    is_suggested: bool = False
    form: MappingForm | None = None
    mapping_name: str = ""
    saved: tuple[str, ...] = ()
    error: Invalid | None = None


def build_preview_page(
    db: Session, project_id: int, path: Path, fields: dict[str, str], mapping_name: str,
    *, format: str, split: str, segmentation: str,
) -> PreviewPage:  # fmt: skip
    """Fields come from the form. Without them the format decides, then a saved mapping, then a guess."""
    page = PreviewPage(mapping_name=mapping_name, saved=tuple(saved_mappings.list_mappings(db, project_id)))
    mapping: FieldMapping | None = None
    choose = partial(
        saved_mappings.choose_format, db, project_id, path,
        split=split or None, segmentation=segmentation or None, filename=path.name,
    )  # fmt: skip
    try:
        if fields:
            mapping = build_mapping(fields)
        choice, used = choose(format=format, mapping=mapping, mapping_name=mapping_name or None)
    except (UnknownFormat, Invalid) as error:
        rows, _ = read_start(path)
        if not rows or (not fields and not isinstance(error, UnknownFormat)):
            raise
        page.error = None if isinstance(error, UnknownFormat) and not fields else error
        fields = fields or _guess_fields(rows)
        page.form = build_form(fields, rows)
        if page.error is not None or not (fields.get("problem") or fields.get("problem_id")):
            return page
        choice, used = choose(mapping=build_mapping(fields))
    page.mapping_name = used or ""
    if choice.format == mapped.FORMAT.id and choice.mapping is not None:
        page.form = build_form(choice.mapping.to_json(), read_start(path)[0])
    page.choice = choice if segmentation else suggest_choice(path, choice)
    page.is_suggested = page.choice != choice
    page.preview = build_preview(db, project_id, path, page.choice)
    return page


def _guess_fields(rows: list[dict[str, object]]) -> dict[str, str]:
    fields = guess_mapping(rows)
    if guess_zero(rows, fields.get("labels", "")) == "neutral":
        fields["zero"] = "neutral"
    return fields
