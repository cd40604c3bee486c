"""The config of an import, stored with its run."""

from __future__ import annotations

from typing import Any

from app.common.config import Config, Names
from app.exchange.field_mapping import FieldMapping


class ImportConfig(Config):
    """How the file is read."""

    segmentation: str | None = None
    """How solutions without steps are split into steps. Null: the default of the format."""
    split_requested: bool = False
    """Whether the split was named, and not guessed from the file."""
    grade: bool = True
    """Whether the final answers are graded afterwards."""
    mapping: FieldMapping | None = None
    """The fields of a file in another format. Null: the file has a known format."""
    mapping_name: str | None = None
    """The name that the mapping is saved under. Null: it has none."""
    notices: Names = ()
    """What the texts at the start of the file call for."""

    def to_json(self) -> dict[str, Any]:
        mapping = self.mapping.to_json() if self.mapping else None
        return {**super().to_json(), "mapping": mapping}
