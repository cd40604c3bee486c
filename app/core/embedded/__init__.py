"""PostgreSQL for a machine without one, with our own small supervisor.

The binaries come from a pip package; that package's own process management is never used (see
docs/decisions/embedded-postgres.md)."""

from app.core.embedded.errors import DatabaseError
from app.core.embedded.server import Embedded, Status
from app.core.embedded.server_url import is_embedded_url

__all__ = ["DatabaseError", "Embedded", "Status", "is_embedded_url"]
