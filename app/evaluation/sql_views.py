"""Views of evaluation for slices below it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "guarded_problem",
        ("training",),
        "Problems of evaluation sets and their duplicates, once for each match.",
        """
        SELECT e.project_id, p.id AS problem_id
        FROM evaluation_set e
        JOIN evaluation_item i ON i.evaluation_set_id = e.id
        JOIN problem q ON q.id = i.problem_id
        JOIN problem p ON p.project_id = q.project_id AND p.statement_hash = q.statement_hash
        """,
    ),
    SqlView(
        "model_best_of_n",
        ("quality",),
        "Best-of-N results of the finished evaluations of a model.",
        """
        SELECT e.model_id, e.run_id, r.results -> 'best_of_n' AS best_of_n
        FROM evaluation e JOIN run r ON r.id = e.run_id
        WHERE r.state = 'succeeded' AND r.results -> 'best_of_n' <> 'null'
        """,
    ),
)
