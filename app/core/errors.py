"""Errors that users may see. Each carries its HTTP status; no endpoint translates one."""

from __future__ import annotations


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


class TooLarge(DomainError):
    status, code = 413, "too_large"


class TooMany(DomainError):
    status, code = 429, "too_many"
