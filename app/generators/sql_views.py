"""Views of generators for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "project_with_alternatives",
        ("labeling",),
        "Projects whose solutions get alternatives before they are queued.",
        "SELECT project_id FROM alternative_settings",
    ),
    SqlView(
        "solution_awaiting_alternatives",
        ("labeling",),
        "Solutions that an active run prepares alternatives for.",
        """
        SELECT r.project_id, i.solution_id, i.state
        FROM sampling_item i
        JOIN sampling_run s ON s.run_id = i.sampling_run_id
        JOIN run r ON r.id = s.run_id
        WHERE s.purpose = 'alternatives' AND i.state <> 'succeeded' AND r.state IN ('queued', 'running')
        """,
    ),
    SqlView(
        "rollout_rate",
        ("training",),
        "Rollouts from a position of a solution, and how many are correct.",
        "SELECT generator_id, solution_id, position, rollout_count, correct_count FROM rollout",
    ),
    SqlView(
        "project_generator",
        ("training",),
        "The generators of a project by name, retired ones included.",
        "SELECT id AS generator_id, project_id, name FROM generator",
    ),
)
