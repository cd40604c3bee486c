"""Why the desk may not do something now."""

from __future__ import annotations

from app.core.errors import Conflict


class Refusal(Conflict):
    """An act on an assignment that is not allowed now. The desk reads `code`."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
