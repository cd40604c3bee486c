"""PURE: dotted paths into records: `messages.-1.content`, `steps.*.text`. A number selects an element of a
list, a star every element. A field whose own name holds dots comes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.exchange.field_parsers import Row

MAX_DEPTH = 5
MAX_PATHS = 200


def read_path(row: Any, path: str) -> Any:
    """The value at the path, or None where it leads nowhere. A star gives a list."""
    if isinstance(row, dict) and path in row:
        return row[path]
    key, _, rest = path.replace("[", ".").replace("]", "").partition(".")
    if key in ("*", "") and isinstance(row, list):
        return [read_path(item, rest) for item in row] if rest else row
    value = _read_key(row, key)
    return read_path(value, rest) if rest and value is not None else value


def _read_key(row: Any, key: str) -> Any:
    if isinstance(row, dict):
        return row.get(key)
    if isinstance(row, list) and key.removeprefix("-").isdecimal():
        at = int(key)
        return row[at] if -len(row) <= at < len(row) else None
    return None


def list_paths(rows: Iterable[Row]) -> dict[str, Any]:
    """The paths of the records, each with the first value at it that is not null."""
    paths: dict[str, Any] = {}
    for row in rows:
        _add_paths(paths, row, "", MAX_DEPTH)
    return paths


def _add_paths(paths: dict[str, Any], value: Any, path: str, depth: int) -> None:
    if path and len(paths) < MAX_PATHS and paths.get(path) is None:
        paths[path] = value
    if depth and isinstance(value, dict):
        for key, inner in value.items():
            _add_paths(paths, inner, f"{path}.{key}" if path else key, depth - 1)
    elif depth and isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value[:20]:
            for key, inner in item.items() if isinstance(item, dict) else ():
                _add_paths(paths, inner, f"{path}.*.{key}", depth - 1)
