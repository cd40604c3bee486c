"""What an export format is. Each one is an object of this shape in a module of its own.

A format that derives from `TableFormat` yields rows with fixed columns. It is exported as JSON Lines and as
Parquet, and as a data set with a card."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

BATCH = 2_000
Options = dict[str, list[tuple[str, str]]]


class ExportParameters(BaseModel):
    """What a user chooses for an export. Each field is a form field, a query parameter and a command line
    option; its title and description are shown there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def drop_empty(cls, values: Any) -> Any:
        """A field that a form leaves empty is one that was not sent."""
        if not isinstance(values, dict):
            return values
        filled = {name: _without_empty(value) for name, value in values.items()}
        return {name: value for name, value in filled.items() if value not in ("", None)}

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults, for the audit log."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _without_empty(value: Any) -> Any:
    return [item for item in value if item != ""] if isinstance(value, list) else value


class ExportFormat(Protocol):
    """A format that labels or data can be exported in, as JSON Lines."""

    id: str
    """Its name on the command line, in the API and in file names."""
    label: str
    description: str
    unit: str
    """What one line is, in the singular."""

    @property
    def parameters(self) -> type[ExportParameters]: ...

    def count(self, db: Session, project_id: int, parameters: Any) -> int: ...

    def rows(self, db: Session, project_id: int, parameters: Any) -> Iterator[bytes]:
        """Whole lines, in pieces of any size, in bounded memory."""
        ...

    def options(self, db: Session, project_id: int) -> Options:
        """By field, the values a form offers and their labels."""
        ...


class Columns(BaseModel):
    """The columns of a table, in order. A field is a column; its type is the type of the column and the line
    below it is its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Record(NamedTuple):
    split: str
    """train, validation or test: the file of a data set that the record goes into."""
    values: dict[str, Any]


class TableFormat(ABC):
    """A format whose lines have fixed columns. `records` yields them in bounded memory."""

    id: str
    label: str
    description: str
    unit: str = "row"
    columns: type[Columns]
    parameters: type[ExportParameters] = ExportParameters

    @abstractmethod
    def records(self, db: Session, project_id: int, parameters: Any) -> Iterator[Record]:
        """The rows, each with the split it belongs to."""

    def count(self, db: Session, project_id: int, parameters: Any, limit: int | None = None) -> int:
        """The number of rows. With a limit, counting may stop there, because a page must not scan a pool."""
        return sum(1 for _ in islice(self.records(db, project_id, parameters), limit))

    def rows(self, db: Session, project_id: int, parameters: Any) -> Iterator[bytes]:
        for record in self.records(db, project_id, parameters):
            yield orjson.dumps(record.values) + b"\n"

    def options(self, db: Session, project_id: int) -> Options:
        return {}

    def describe(self, db: Session, project_id: int, parameters: Any) -> dict[str, str]:
        """Further facts for the card of a data set, by their names."""
        return {}


def iter_records(db: Session, columns: type[Columns], query: str, values: dict[str, Any]) -> Iterator[Record]:
    """The rows of a query from a server-side cursor, with `columns` in their order. The query also has a
    column `split`."""
    for row in db.execute(text(query).execution_options(yield_per=BATCH), values).mappings():
        yield Record(row["split"], {name: row[name] for name in columns.model_fields})


def count_rows(db: Session, query: str, values: dict[str, Any], limit: int | None = None) -> int:
    """How many rows a query has, counted by the database up to the limit."""
    count = text(f"SELECT count(*) FROM ({query} LIMIT CAST(:most AS bigint)) counted")  # noqa: S608  ours
    return int(db.scalar(count, {**values, "most": limit}) or 0)
