"""PURE: what a row that came says beyond the row we would write, so that it comes back equal as JSON."""

from __future__ import annotations

from typing import Any

import orjson

from app.exchange.field_parsers import Row


def build_patch(ours: Row, theirs: Row) -> Row:
    """What to change in `ours` to get `theirs`: {"set": {path: value}, "drop": [path]},
    paths one or two keys deep."""
    changes: Row = {}
    dropped: list[list[str]] = []
    sets: list[list[Any]] = []
    for key in ours.keys() | theirs.keys():
        if key in ("question", "label") and isinstance(theirs.get(key), dict):
            mine, other = ours[key], theirs[key]
            for inner in mine.keys() | other.keys():
                _compare([key, inner], mine, other, inner, sets, dropped)
        else:
            _compare([key], ours, theirs, key, sets, dropped)
    if sets:
        changes["set"] = sets
    if dropped:
        changes["drop"] = dropped
    return changes


def _compare(
    path: list[str], ours: Row, theirs: Row, key: str, sets: list[list[Any]], dropped: list[list[str]]
) -> None:
    if key not in theirs:
        dropped.append(path)
    elif key not in ours or not equal_as_json(ours[key], theirs[key]):
        sets.append([path, theirs[key]])


def equal_as_json(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, and 1 is not 1.0."""
    if type(one) is str:
        return bool(one == other)
    if one is None or other is None:
        return one is other
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def apply_patch(row: Row, changes: Row) -> Row:
    for path, value in changes.get("set", ()):
        target = row if len(path) == 1 else row[path[0]]
        target[path[-1]] = value
    for path in changes.get("drop", ()):
        target = row if len(path) == 1 else row[path[0]]
        target.pop(path[-1], None)
    return row
