"""What an export format is. Each one is an object of this shape in a module of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy.orm import Session

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
