"""PostgreSQL for a fresh machine, under a small supervisor of our own.

The binaries come from a pip package; that package's own process management is never
used (docs/decisions/embedded-postgres.md says what it was seen to do)."""

from app.core.embedded.server import DatabaseError, Embedded, Status, is_embedded_url

__all__ = ["DatabaseError", "Embedded", "Status", "is_embedded_url"]
