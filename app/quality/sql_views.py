"""Views of quality for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "adjudicated_solution",
        ("labeling", "training"),
        "Decisions of adjudicators, which override the labels of a solution.",
        "SELECT id AS adjudication_id, project_id, solution_id, ratings, reason FROM adjudication",
    ),
)
