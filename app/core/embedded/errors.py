"""The error of the embedded database, with its remedy."""

from app.core.errors import DomainError


class DatabaseError(DomainError):
    status, code = 503, "database_trouble"


OWN_DATABASE = "or set DATABASE_URL to a PostgreSQL 15 or newer of your own"
