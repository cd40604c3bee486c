"""PURE: reads the fields of a record, with errors that name the field."""

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
    field = row.get(key)
    if isinstance(field, str) and (empty or is_visible_text(field)):
        return field
    if key not in row:
        raise RecordError(f'The field "{key}" is missing.')
    if isinstance(field, str) and field:
        raise RecordError(f'The field "{key}" shows nothing: it has only blank or invisible characters.')
    raise RecordError(f'The field "{key}" is {_describe_type(field)}; it must be text.')


def parse_optional_text(row: Row, key: str) -> str | None:
    """Text or null. Numbers become text, because answers are often numbers in files."""
    field = row.get(key)
    if field is None or isinstance(field, str):
        return field
    if isinstance(field, bool | list | dict):
        raise RecordError(f'The field "{key}" is {_describe_type(field)}; it must be text or null.')
    return str(field)


def parse_texts(row: Row, key: str) -> list[str]:
    field = row.get(key)
    if not isinstance(field, list) or not all(isinstance(item, str) for item in field):
        raise RecordError(f'The field "{key}" must be a list of texts.')
    if not field:
        raise RecordError(f'The field "{key}" has no step.', "Give at least one.")
    for position, step in enumerate(field):
        if not is_visible_text(step):
            reason = "shows nothing: it has only blank or invisible characters" if step else "is empty"
            raise RecordError(f'"{key}[{position}]" {reason}.', "Leave the step out, or give it a text.")
    return check_step_count(field)


def check_step_count(steps: list[str]) -> list[str]:
    if len(steps) > MAX_STEPS:
        raise RecordError(
            f"It has {len(steps):,} steps; the maximum is {MAX_STEPS:,}.", "Split the text into fewer steps."
        )
    return steps


def parse_object(row: Row, key: str) -> Row:
    field = row.get(key)
    if not isinstance(field, dict):
        raise RecordError(f'The field "{key}" is {_describe_type(field)}; it must be an object.')
    return field


def parse_bool(row: Row, key: str) -> bool:
    field = row.get(key)
    if not isinstance(field, bool):
        raise RecordError(f'The field "{key}" is {_describe_type(field)}; it must be true or false.')
    return field


def parse_int(row: Row, key: str, low: int, high: int) -> int | None:
    """An integer in [low, high], or null."""
    field = row.get(key)
    if field is None:
        return None
    if isinstance(field, float) and math.isfinite(field) and field.is_integer():
        field = int(field)
    if not isinstance(field, int) or isinstance(field, bool) or not low <= field <= high:
        raise RecordError(f'The field "{key}" must be a whole number from {low} to {high:,}, or null.')
    return field


def parse_choice(row: Row, key: str, allowed: tuple[str, ...]) -> str:
    field = row.get(key)
    if field not in allowed:
        shown = repr(field)[:60] if key in row else "missing"
        raise RecordError(f'The field "{key}" is {shown}.', f"Use one of: {', '.join(allowed)}.")
    return str(field)


def _describe_type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {str: "empty text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
