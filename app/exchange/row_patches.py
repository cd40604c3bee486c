"""PURE: the difference between an imported row and the row an export would write, so that an export
reproduces the imported row."""

from __future__ import annotations

from typing import Any

import orjson

from app.exchange.field_parsers import Row


def build_patch(ours: Row, theirs: Row) -> Row:
    """The changes that turn `ours` into `theirs`: {"set": [[path, value]], "drop": [path]}, with paths of one
    or two keys."""
    changes: Row = {}
    dropped: list[list[str]] = []
    sets: list[list[Any]] = []
    for key in ours.keys() | theirs.keys():
        if key in ("question", "label") and isinstance(theirs.get(key), dict):
            our_part, their_part = ours[key], theirs[key]
            for inner in our_part.keys() | their_part.keys():
                _compare([key, inner], our_part, their_part, inner, sets, dropped)
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


def equal_as_json(left: Any, right: Any) -> bool:
    """Equality of JSON values, where 1 differs from true and from 1.0."""
    if type(left) is str:
        return bool(left == right)
    if left is None or right is None:
        return left is right
    return orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)


def apply_patch(row: Row, changes: Row) -> Row:
    for path, value in changes.get("set", ()):
        target = row if len(path) == 1 else row[path[0]]
        target[path[-1]] = value
    for path in changes.get("drop", ()):
        target = row if len(path) == 1 else row[path[0]]
        target.pop(path[-1], None)
    return row
