"""Settling how a file will be read, before anything of it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Invalid
from app.exchange.formats.base import ParseContext
from app.exchange.formats.registry import detect_format, get_import_format
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

    @property
    def context(self) -> ParseContext:
        return ParseContext(self.segmentation, self.split_requested)


def guess_format(
    path: Path, format: str, split: str | None, segmentation: str | None, filename: str
) -> FormatGuess:
    """How the file will be read. Raises Invalid if it cannot be."""
    if not path.is_file():
        raise Invalid(f"File not found: {path}.", remedy="Check the path.")
    _require_option("split", split, SPLITS)
    _require_option("segmentation", segmentation, tuple(SEGMENTATIONS))
    chosen = detect_format(path) if format == "auto" else get_import_format(format)
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
    )


def _require_option(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value and value not in allowed:
        raise Invalid(f"Unknown {name} {value[:50]!r}.", remedy=f"Use one of: {', '.join(allowed)}.")
