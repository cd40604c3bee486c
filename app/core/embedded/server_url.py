"""The URL of the embedded database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from app.core.embedded import config

DATABASE = "stepmark"


def database_url(sockets: Path, database: str = DATABASE) -> str:
    return f"postgresql://{config.ROLE}@/{database}?host={quote(str(sockets), safe='')}&port={config.PORT}"


def is_embedded_url(url: str | None) -> bool:
    """Is this the URL of an embedded database, as `database_url` writes it?"""
    return url is not None and url.partition("://")[2].startswith(f"{config.ROLE}@/")
