"""PURE: when two statements are the same problem, and two texts the same solution. Layout, case and the width
of characters do not matter; every word and number does. For solutions punctuation does not matter either, but
for separators between digits."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

ASCII_PUNCTUATION = b" \t\n\r\f\v!?;\"'`*#$"
OTHER_PUNCTUATION = str.maketrans("", "", "\u00a0“”‘’「」。，、！？；")
LOOSE_MARKS = re.compile(rb"[.,:](?!\d)|(?<!\d)[.,:]")


def normalize_statement(statement: str) -> str:
    folded = statement if statement.isascii() else unicodedata.normalize("NFKC", statement)
    return " ".join(folded.casefold().split())


def statement_key(statement: str) -> bytes:
    """What `problem.statement_hash` keeps: sha256 of the normalised statement."""
    return hashlib.sha256(normalize_statement(statement).encode()).digest()


def solution_key(steps: Iterable[str]) -> bytes:
    """What `solution.text_key` keeps: 16 bytes, equal for solutions that differ by spacing, punctuation, case
    or the cut into steps."""
    text = " ".join(steps).casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(OTHER_PUNCTUATION)
    bare = LOOSE_MARKS.sub(b"", text.encode().translate(None, ASCII_PUNCTUATION))
    return hashlib.blake2b(bare, digest_size=16).digest()
