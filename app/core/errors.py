"""Errors that users may see. Each has an HTTP status, so no endpoint translates errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import psycopg.errors


class DomainError(Exception):
    """An error that the user can act on. `remedy` says what to do next."""

    status = 400
    code = "bad_request"

    def __init__(self, message: str, *, remedy: str = "", **extra: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.extra = extra

    def as_json(self) -> dict[str, object]:
        return {
            "error": self.code,
            "message": self.message,
            "remedy": self.remedy,
            **self.extra,
        }


class Invalid(DomainError):
    status, code = 422, "invalid"


class NotSignedIn(DomainError):
    status, code = 401, "not_signed_in"


class Forbidden(DomainError):
    status, code = 403, "forbidden"


class NotFound(DomainError):
    status, code = 404, "not_found"


class Conflict(DomainError):
    status, code = 409, "conflict"


class Busy(DomainError):
    """Another transaction holds a needed lock. The same request may succeed in a moment."""

    status, code = 409, "busy"


class TooLarge(DomainError):
    status, code = 413, "too_large"


class TooMany(DomainError):
    status, code = 429, "too_many"


class DiskFull(DomainError):
    status, code = 507, "disk_full"


def find_disk_full(error: BaseException) -> DiskFull | None:
    """The error to show if `error`, or what caused it, is a full disk: of this machine or of the database."""
    causes = list(_walk_causes(error))
    if any(isinstance(cause, psycopg.errors.DiskFull) for cause in causes):
        return DiskFull(
            "The database's disk is full, so nothing was saved.",
            remedy="Ask the server's operator to free some space there, then try again. "
            "Everything saved before is safe.",
        )
    if any(_is_disk_full(cause) for cause in causes):
        return DiskFull(
            "The server's disk is full.",
            remedy="Ask the server's operator to free some space under STEPMARK_HOME, then try again.",
        )
    return None


def _is_disk_full(error: BaseException) -> bool:
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return is_full or "No space left on device" in str(error)  # safetensors has only the text


def _walk_causes(error: BaseException) -> Iterator[BaseException]:
    """An error, the driver's error that SQLAlchemy wraps, and what they were raised from."""
    while error is not None:
        yield error
        if isinstance(original := getattr(error, "orig", None), BaseException):
            yield original
        error = error.__cause__  # type: ignore[assignment]
