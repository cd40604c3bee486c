"""Imports with their progress, and rejected records."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import models as _people  # noqa: F401  a foreign key names its table
from app.core.column_types import Created, Json
from app.core.config_file import parse_config
from app.core.db import Base
from app.core.run_models import Run
from app.exchange.import_config import ImportConfig


class Import(Run):
    """`config`: exchange/import_config.py."""

    __tablename__ = "import"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    filename: Mapped[str]
    path: Mapped[str]
    """The path of the file, under the uploads directory or as given on the command line."""
    format: Mapped[str]
    split: Mapped[str]
    bytes_total: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    bytes_done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    lines_done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """The last committed line. A rerun starts behind it."""
    counts: Mapped[Json]
    """{"lines", "problems", "solutions", "labels", "duplicates", "updated", "errors", "split_conflicts",
    "other_split"}: `other_split` counts records whose problem was in another split before."""

    @property
    def parsed_config(self) -> ImportConfig:
        return parse_config(ImportConfig, self.config)

    @property
    def account(self) -> dict[str, int]:
        """Every record of the file once: new, updated, duplicates and errors add up to lines."""
        counts = {name: self.counts.get(name, 0) for name in ("lines", "updated", "duplicates", "errors")}
        return {**counts, "new": 2 * counts["lines"] - sum(counts.values())}

    __mapper_args__ = {"polymorphic_identity": "import", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


class RejectedRecord(Base):
    """A rejected record, with the error and the remedy."""

    __tablename__ = "import_error"

    import_id: Mapped[int] = mapped_column(ForeignKey("import.run_id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message: Mapped[str]
    excerpt: Mapped[str] = mapped_column(server_default="")


class SavedMapping(Base):
    """A mapping of fields that is used again for the next file, by its name in the project."""

    __tablename__ = "field_mapping"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    fields: Mapped[Json]
    """What `FieldMapping.to_json` returns."""
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[Created]
