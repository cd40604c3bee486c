"""Views of labeling for the slices above it (see app/core/sql_views.py)."""

from __future__ import annotations

from app.core.sql_views import SqlView

VIEWS = (
    SqlView(
        "solution_step_label",
        (),
        "Each labeler's ratings of the solution's own steps, from the first step to where the chosen path"
        " left the solution for an alternative or a written step. A written step that equals the"
        " solution's own is a positive rating of it.",
        """
        SELECT a.id AS assignment_id, a.project_id, a.user_id, a.state, a.finish_reason,
            t.id AS task_id, t.kind, t.generation,
            s.id AS solution_id, s.problem_id, cardinality(s.steps) AS steps, l.position,
            CASE WHEN l.human_text = own.step THEN 1::smallint ELSE l.ratings[own.place] END AS rating,
            CASE WHEN l.human_text = own.step THEN l.human_flagged ELSE l.flags[own.place] END AS flagged
        FROM step_label l
        JOIN assignment a ON a.id = l.assignment_id
        JOIN task t ON t.id = a.task_id
        JOIN solution s ON s.id = t.solution_id
        CROSS JOIN LATERAL (
            SELECT s.steps[l.position + 1] AS step, CASE
                WHEN l.texts IS NULL THEN 1
                WHEN l.texts[l.chosen + 1] = s.steps[l.position + 1] THEN l.chosen + 1
                ELSE array_position(l.texts, s.steps[l.position + 1]) END AS place
        ) own
        WHERE own.step IS NOT NULL
          AND (l.human_text = own.step OR own.place <= coalesce(cardinality(l.ratings), 0))
          AND NOT EXISTS (
            SELECT 1 FROM step_label e
            WHERE e.assignment_id = l.assignment_id AND e.position < l.position
              AND (e.texts IS NOT NULL OR e.human_text IS NOT NULL)
              AND coalesce(e.human_text, e.texts[e.chosen + 1]) IS DISTINCT FROM s.steps[e.position + 1])
        """,
    ),
)
