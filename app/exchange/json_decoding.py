"""PURE: decodes one record, with errors that explain how to correct it."""

from __future__ import annotations

from typing import Any

import orjson

MAX_DEPTH = 100
MAX_RECORD_BYTES = 16 * 1024 * 1024


class RecordError(Exception):
    """A record that is rejected: the error and the remedy."""

    def __init__(self, message: str, remedy: str = "Correct the line and import the file again.") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def decode(raw: bytes) -> Any:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RecordError(*_explain(raw, error)) from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise RecordError(f"It nests more than {MAX_DEPTH} levels deep.", "Flatten what is nested.")
    if b"\\u0000" in raw and _has_nul(value):
        raise RecordError(
            "It has a NUL character (\\u0000), which the database cannot store.", "Remove the character."
        )
    return value


def _explain(raw: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    detail = str(error)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in raw[:64]:
        return "It is not UTF-8 text (UTF-16, or binary).", "Save the file as UTF-8."
    if "UTF-8" in detail:
        return "It is not valid UTF-8.", "Save the file as UTF-8."
    if "surrogate" in detail:
        return "It has half of a surrogate pair (\\ud800 to \\udfff alone).", "Write the whole character."
    if "infinity" in detail:
        return "It has a number too large to hold (such as 1e999).", "Write a finite number, or null."
    if "depth" in detail or "recursion" in detail.lower():
        return f"It nests more than {MAX_DEPTH} levels deep.", "Flatten what is nested."
    if any(word in raw for word in (b"NaN", b"Infinity")):
        return "It is not JSON: NaN and Infinity are not JSON numbers.", "Write null instead."
    return f"It is not JSON: {detail[:200]}.", "Write one JSON object per line; see docs/formats.md."


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(inner) for key, inner in value.items())
    return False


def _depth(value: Any) -> int:
    """At most 1,024, the limit of the decoder, so a loop over all levels is safe."""
    deepest, todo = 0, [(value, 1)]
    while todo:
        current, depth = todo.pop()
        inner = (
            current.values() if isinstance(current, dict) else current if isinstance(current, list) else ()
        )
        deepest = max(deepest, depth)
        todo += [(item, depth + 1) for item in inner if isinstance(item, dict | list)]
    return deepest
