"""The export formats by id, in the order of the Export page."""

from __future__ import annotations

from app.core.errors import NotFound
from app.exchange.exports.base import ExportFormat

EXPORT_FORMATS: dict[str, ExportFormat] = {}


def register_export_format(new: ExportFormat) -> None:
    """Add a format. The web application must be created afterwards, because each format has routes."""
    if new.id in EXPORT_FORMATS:
        raise ValueError(f"The export format {new.id} is already registered.")
    EXPORT_FORMATS[new.id] = new


def unregister_export_format(format_id: str) -> None:
    del EXPORT_FORMATS[format_id]


def get_export_format(format_id: str) -> ExportFormat:
    try:
        return EXPORT_FORMATS[format_id]
    except KeyError:
        raise NotFound(
            f"Export format {format_id[:50]!r} not found.", remedy=f"Use one of: {', '.join(EXPORT_FORMATS)}."
        ) from None
