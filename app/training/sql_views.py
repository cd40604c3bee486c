"""Views of training for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "snapshot_label",
        ("labeling",),
        "Submissions whose labels are part of a snapshot, by item.",
        """
        SELECT s.project_id, s.created_at, i.assignment_ids
        FROM snapshot s JOIN snapshot_item i ON i.snapshot_id = s.id
        """,
    ),
)
