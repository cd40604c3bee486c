"""SQL views for slices below their owner or in the same layer.

A slice's SQL reads its own tables and those below it. A slice offers data to slices below it by a view in its
sql_views.py. A migration creates the view with its own copy of the definition. tests/core/test_sql_walls.py
compares the two, and refuses any other table of a slice above or in the same layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SqlView:
    name: str
    readers: tuple[str, ...]
    """Slices that do not stand above the owner and may read the view."""
    description: str
    definition: str
