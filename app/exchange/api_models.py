"""The parameters and answers of the JSON API of imports."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.api import Answer, Page, RunAnswer, RunProgress
from app.exchange.field_mapping import FieldMapping
from app.exchange.models import Import


class ImportParameters(BaseModel):
    """How to read a file: in the query, or as fields of the form that carries it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[str, Field(description="Format of the file. auto: guess it from the file.")] = "auto"
    split: Annotated[str, Field(description="Split of its problems. Empty: as the format says.")] = ""
    segmentation: Annotated[
        str, Field(description="How to split solutions into steps. Empty: the default of the format.")
    ] = ""
    filename: Annotated[
        str, Field(description="Name of the file, for a file that is sent as the request body.")
    ] = ""
    map: Annotated[
        str, Field(description="Fields of a file in another format: problem=question,steps=completions.")
    ] = ""
    mapping: Annotated[
        str, Field(description="Name of a saved mapping. With `map`: the name to save the mapping under.")
    ] = ""
    grade: Annotated[bool, Field(description="Whether to grade the final answers afterwards.")] = True


class ImportCounts(Answer):
    """What was read so far."""

    lines: int = 0
    """Records of the file."""
    problems: int = 0
    """New problems."""
    solutions: int = 0
    """New solutions."""
    labels: int = 0
    """New submissions."""
    duplicates: int = 0
    """Records that were there already."""
    updated: int = 0
    """Records that filled in what was missing."""
    errors: int = 0
    """Rejected records."""
    split_conflicts: int = 0
    """Problems that stay in another split."""
    other_split: int = 0
    """Records whose problem was in another split before, which did not change."""
    new: int = 0
    """Records that brought something new."""


class ImportOut(RunAnswer):
    """An import."""

    filename: str
    """Name of the file."""
    format: str
    """Format of the file."""
    split: str
    """Split of its problems."""
    segmentation: str | None
    """How solutions are split into steps. Null: the file has steps."""
    mapping: FieldMapping | None
    """The fields of a file in another format. Null: the file has a known format."""
    mapping_name: str | None
    """The name that the mapping is saved under. Null: it has none."""
    bytes_total: int
    """Size of the file, unpacked."""
    bytes_done: int
    """How much is imported."""
    counts: ImportCounts
    """What was read so far."""
    notices: tuple[str, ...]
    """What the texts at the start of the file call for."""
    progress: RunProgress
    """What it does now."""


class ImportPage(Page):
    """Imports, newest first."""

    imports: list[ImportOut]
    """At most 100."""


class RejectedRecordOut(Answer):
    """A record that could not be imported."""

    line: int
    """Its line in the file."""
    message: str
    """What is wrong, and the remedy."""
    record: str
    """The start of the record."""


class RejectedRecordPage(Page):
    """Rejected records, by line."""

    errors: list[RejectedRecordOut]
    """At most 50."""


def build_import(row: Import) -> ImportOut:
    config = row.parsed_config
    return ImportOut.build(
        row,
        segmentation=config.segmentation,
        mapping=config.mapping,
        mapping_name=config.mapping_name,
        notices=config.notices,
        counts=ImportCounts(**{**row.counts, "new": row.account["new"]}),
    )
