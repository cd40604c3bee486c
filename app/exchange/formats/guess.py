"""Settling how a file will be read, before anything of it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Invalid
from app.exchange.field_mapping import FieldMapping
from app.exchange.formats import mapped
from app.exchange.formats.base import ImportFormat, ParseContext
from app.exchange.formats.registry import (
    UnknownFormat,
    detect_format,
    get_import_format,
    read_start,
    suggest_mapping,
)
from app.problems.models import SPLITS
from app.problems.segmentation import SEGMENTATIONS


@dataclass(frozen=True)
class FormatGuess:
    format: str
    split: str
    reason: str
    """Why this split."""
    segmentation: str
    split_requested: bool = False
    mapping: FieldMapping | None = None

    @property
    def context(self) -> ParseContext:
        return ParseContext(self.segmentation, self.split_requested, self.mapping)


def guess_format(
    path: Path,
    format: str,
    split: str | None,
    segmentation: str | None,
    filename: str,
    mapping: FieldMapping | None = None,
) -> FormatGuess:
    """How the file will be read. Raises Invalid if it cannot be."""
    if not path.is_file():
        raise Invalid(f"File not found: {path}.", remedy="Check the path.")
    _require_option("split", split, SPLITS)
    _require_option("segmentation", segmentation, tuple(SEGMENTATIONS))
    chosen = _choose_format(path, format, mapping)
    if chosen.has_labels and split == "test":
        raise Invalid(
            "Labels cannot be imported for the test split.", remedy="Use the split train or validation."
        )
    default = chosen.default_split(filename)
    return FormatGuess(
        chosen.id,
        split or default.split,
        "you chose it" if split else default.reason,
        segmentation or chosen.segmentation,
        split_requested=bool(split),
        mapping=mapping,
    )


def _choose_format(path: Path, format: str, mapping: FieldMapping | None) -> ImportFormat:
    if mapping is not None:
        if format not in ("auto", mapped.FORMAT.id):
            raise Invalid(
                f"The format {format} has fields of its own and takes no mapping.",
                remedy="Leave out the format, or the mapping.",
            )
        return mapped.FORMAT
    chosen = detect_format(path) if format == "auto" else get_import_format(format)
    if chosen is mapped.FORMAT:
        rows, _ = read_start(path)
        raise UnknownFormat("No fields are mapped.", remedy=f"Name them: {suggest_mapping(rows)}.")
    return chosen


def _require_option(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value and value not in allowed:
        raise Invalid(f"Unknown {name} {value[:50]!r}.", remedy=f"Use one of: {', '.join(allowed)}.")
