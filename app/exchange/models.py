"""Imports with their progress, and rejected records."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import models as _people  # noqa: F401  a foreign key names its table
from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base


class Import(Base):
    __tablename__ = "import"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str]
    path: Mapped[str]
    """The path of the file, under the uploads directory or as given on the command line."""
    format: Mapped[str]
    split: Mapped[str]
    options: Mapped[Json]
    """{"segmentation", "split_requested", "grade"}."""
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    bytes_total: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    bytes_done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    lines_done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """The last committed line. A rerun starts behind it."""
    counts: Mapped[Json]
    """{"lines", "problems", "solutions", "labels", "duplicates", "updated", "errors", "split_conflicts"}."""
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    finished_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]

    @property
    def account(self) -> dict[str, int]:
        """Every record of the file once: new, updated, duplicates and errors add up to lines."""
        counts = {name: self.counts.get(name, 0) for name in ("lines", "updated", "duplicates", "errors")}
        return {**counts, "new": 2 * counts["lines"] - sum(counts.values())}

    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name="state",
        ),
    )


class RejectedRecord(Base):
    """A rejected record, with the error and the remedy."""

    __tablename__ = "import_error"

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message: Mapped[str]
    excerpt: Mapped[str] = mapped_column(server_default="")
