"""SQL views that slices below or beside their owner may read.

A slice's SQL reads its own tables and those below it. What a slice above offers to the rest is a view in the
owner's sql_views.py. A migration creates the view with its own copy of the definition.
tests/core/test_sql_walls.py compares the two, and refuses any other table of a slice above or beside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SqlView:
    name: str
    readers: tuple[str, ...]
    """Slices that do not stand above the owner and may read the view."""
    description: str
    definition: str
