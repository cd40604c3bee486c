"""Views that slices offer to the slices below them.

Revision ID: slice_views
Revises: rating_keys
"""

from __future__ import annotations

from alembic import op

revision = "slice_views"
down_revision = "rating_keys"
branch_labels = None
depends_on = None

VIEWS = {
    "adjudicated_solution": "SELECT id AS adjudication_id, project_id, solution_id, ratings, reason FROM adjudication",
    "snapshot_label": """
        SELECT s.project_id, s.created_at, i.assignment_ids
        FROM snapshot s JOIN snapshot_item i ON i.snapshot_id = s.id
        """,
    "generation_start": "SELECT project_id, number, created_at FROM generation",
    "project_with_alternatives": "SELECT project_id FROM preparation",
    "solution_awaiting_alternatives": """
        SELECT r.project_id, i.solution_id, i.state
        FROM sampling_item i
        JOIN sampling_run s ON s.run_id = i.sampling_run_id
        JOIN run r ON r.id = s.run_id
        WHERE s.purpose = 'alternatives' AND i.state <> 'done' AND r.state IN ('queued', 'running')
        """,
    "rollout_rate": "SELECT generator_id, solution_id, position, rollouts, reached FROM rollout",
    "project_generator": "SELECT id AS generator_id, project_id, name FROM generator",
    "step_score": "SELECT model_id, solution_id, step_probs FROM score",
    "guarded_problem": """
        SELECT e.project_id, p.id AS problem_id
        FROM evaluation_set e
        JOIN evaluation_item i ON i.evaluation_set_id = e.id
        JOIN problem q ON q.id = i.problem_id
        JOIN problem p ON p.project_id = q.project_id AND p.statement_hash = q.statement_hash
        """,
    "model_best_of_n": """
        SELECT e.model_id, e.run_id, r.results -> 'best_of_n' AS best_of_n
        FROM evaluation e JOIN run r ON r.id = e.run_id
        WHERE r.state = 'succeeded' AND r.results -> 'best_of_n' <> 'null'
        """,
}


def upgrade() -> None:
    for name, definition in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {definition}")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
