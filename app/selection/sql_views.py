"""Views of selection for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "generation_start",
        ("labeling", "training"),
        "When each generation of a project started.",
        "SELECT project_id, number, created_at FROM generation",
    ),
)
