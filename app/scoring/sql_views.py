"""Views of scoring for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "step_score",
        ("training",),
        "Step probabilities of a solution by a model.",
        "SELECT model_id, solution_id, step_probs FROM score",
    ),
)
