"""what was said of the steps of a solution itself, as one rule for every reader"""

import sqlalchemy as sa
from alembic import op

revision = "own_steps"
down_revision = "explorer"
branch_labels = None
depends_on = None

LEAVES = "texts IS NOT NULL OR human_text IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_step_label_may_leave",
        "step_label",
        ["assignment_id", "position"],
        postgresql_where=sa.text(LEAVES),
    )
    op.execute(
        """
        CREATE VIEW own_step_label AS
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
        """
    )
    op.execute(
        "COMMENT ON VIEW own_step_label IS 'What each labeler said of the steps of the solution itself:"
        " from the first step to where the walk left them for another candidate or a written step.'"
    )


def downgrade() -> None:
    op.execute("DROP VIEW own_step_label")
    op.drop_index("ix_step_label_may_leave", "step_label")
