"""PURE: what an import format is. Each one is an object of this shape in a module of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from app.exchange.field_mapping import FieldMapping
from app.exchange.field_parsers import Row
from app.exchange.records import ImportedRecord

SPLIT_WORDS = (("test", {"test"}), ("validation", {"val", "valid", "validation", "dev"}))


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What the user chose for the whole file."""

    segmentation: str = "line"
    split_requested: bool = False
    """The user named a split for the file, so that a format does not derive one from an identifier."""
    mapping: FieldMapping | None = None
    """Which fields hold what, for a file of no format with a name."""


@dataclass(frozen=True, slots=True)
class SplitGuess:
    split: str
    reason: str


class ImportFormat(Protocol):
    """A format of records that can be imported. `detect` and `parse` see one decoded JSON object."""

    id: str
    """Its name on the command line, in the API and in the database."""
    label: str
    reads: str
    """The fields it reads, for the documentation."""
    keeps: str
    """Where the fields go, for the documentation."""
    segmentation: str
    """How free text is split into steps unless the user chooses otherwise."""
    ask_segmentation: bool
    """Whether records hold free text, so that the choice matters."""
    has_labels: bool
    """Whether records bring labels, which are never accepted for the test split."""
    fills_gaps: bool
    """Whether a repeated record adds an answer or a verdict that was missing."""
    joins_problems: bool
    """Whether a record without a problem identifier joins the problem of the same statement."""

    def default_split(self, filename: str) -> SplitGuess:
        """The split of records that name none, when the user names none either."""
        ...

    def detect(self, row: Row) -> bool: ...

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        """Raises RecordError for a record that cannot be imported."""
        ...


class RecordFormat:
    """The defaults that most formats share."""

    segmentation = "line"
    ask_segmentation = False
    has_labels = False
    fills_gaps = True
    joins_problems = False

    def default_split(self, filename: str) -> SplitGuess:
        parts = set(re.split(r"[^a-z0-9]+", filename.lower()))
        for split, signs in SPLIT_WORDS:
            if parts & signs:
                return SplitGuess(split, f"the file name contains {split}")
        return SplitGuess("train", "the file does not name a split")
