"""PURE: taking a field out of a row, or saying what is wrong with it."""

from __future__ import annotations

import math
from typing import Any

from app.exchange.json_decoding import RecordError
from app.problems.segmentation import is_visible_text

Row = dict[str, Any]
MAX_STEPS = 2000


def require_object(value: Any) -> Row:
    if not isinstance(value, dict):
        raise RecordError(
            f"It is {_describe_type(value)}, not an object.", "Each record is an object: {...}."
        )
    return value


def parse_text(row: Row, key: str, *, empty: bool = False) -> str:
    found = row.get(key)
    if isinstance(found, str) and (empty or is_visible_text(found)):
        return found
    if key not in row:
        raise RecordError(f'The field "{key}" is missing.')
    if isinstance(found, str) and found:
        raise RecordError(f'The field "{key}" shows nothing: it has only blank or invisible characters.')
    raise RecordError(f'The field "{key}" is {_describe_type(found)}; it must be text.')


def parse_optional_text(row: Row, key: str) -> str | None:
    """Text, or null. Numbers are written out: answers often are numbers in files."""
    found = row.get(key)
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, bool | list | dict):
        raise RecordError(f'The field "{key}" is {_describe_type(found)}; it must be text or null.')
    return str(found)


def parse_texts(row: Row, key: str) -> list[str]:
    found = row.get(key)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise RecordError(f'The field "{key}" must be a list of texts.')
    if not found:
        raise RecordError(f'The field "{key}" has no step.', "Give at least one.")
    for position, step in enumerate(found):
        if not is_visible_text(step):
            reason = "shows nothing: it has only blank or invisible characters" if step else "is empty"
            raise RecordError(f'"{key}[{position}]" {reason}.', "Leave the step out, or give it a text.")
    return check_step_count(found)


def check_step_count(steps: list[str]) -> list[str]:
    if len(steps) > MAX_STEPS:
        raise RecordError(f"It has {len(steps):,} steps; {MAX_STEPS:,} is the most.", "Cut it differently.")
    return steps


def parse_object(row: Row, key: str) -> Row:
    found = row.get(key)
    if not isinstance(found, dict):
        raise RecordError(f'The field "{key}" is {_describe_type(found)}; it must be an object.')
    return found


def parse_bool(row: Row, key: str) -> bool:
    found = row.get(key)
    if not isinstance(found, bool):
        raise RecordError(f'The field "{key}" is {_describe_type(found)}; it must be true or false.')
    return found


def parse_int(row: Row, key: str, low: int, high: int) -> int | None:
    """An integer in [low, high], or null."""
    found = row.get(key)
    if found is None:
        return None
    if isinstance(found, float) and math.isfinite(found) and found.is_integer():
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise RecordError(f'The field "{key}" must be a whole number from {low} to {high:,}, or null.')
    return found


def parse_choice(row: Row, key: str, allowed: tuple[str, ...]) -> str:
    found = row.get(key)
    if found not in allowed:
        shown = repr(found)[:60] if key in row else "missing"
        raise RecordError(f'The field "{key}" is {shown}.', f"Use one of: {', '.join(allowed)}.")
    return str(found)


def _describe_type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {str: "empty text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
