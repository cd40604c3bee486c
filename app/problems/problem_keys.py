"""PURE: when two statements are the same problem. Layout, case and the width of
characters do not matter; every word and number does."""

from __future__ import annotations

import hashlib
import unicodedata


def normalize_statement(statement: str) -> str:
    folded = statement if statement.isascii() else unicodedata.normalize("NFKC", statement)
    return " ".join(folded.casefold().split())


def statement_key(statement: str) -> bytes:
    """What `problem.statement_hash` keeps: sha256 of the normalised statement."""
    return hashlib.sha256(normalize_statement(statement).encode()).digest()
