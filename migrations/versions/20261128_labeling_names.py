"""Labeling, control tasks and quality settings by the field's names; what an assignment showed, in columns.

Revision ID: labeling_names
Revises: import_duplicates
"""

# ruff: noqa: S608  every value in these statements is a constant of this file or a name from the catalog

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.rename_migration import change_values, rename_column, rename_constraint, rename_table

revision = "labeling_names"
down_revision = "import_duplicates"
branch_labels = None
depends_on = None

TABLES = {
    "known_answer": "control_answer",
    "known_mark": "control_result",
    "standing": "labeler_status",
    "labels_seen": "label_exposure",
    "earlier_submission": "previous_submission",
    "task_return": "submission_return",
}
COLUMNS = {  # by the new table
    "control_answer": {"made_by": "created_by", "at": "created_at"},
    "control_result": {"right": "correct", "steps_right": "correct_steps", "at": "created_at"},
    "labeler_status": {"screened": "screening_result", "counted_from": "gold_counted_from"},
    "label_exposure": {"how": "via", "before": "ratings_before", "at": "created_at"},
    "previous_submission": {
        "why": "reopen_reason",
        "taken_back_at": "reopened_at",
        "ended_as": "outcome",
    },
    "submission_return": {"at": "returned_at", "answered_at": "resubmitted_at"},
    "assignment": {"origin": "import_origin"},
    "task": {"taken": "assigned_count"},
    "rating_event": {"written": "human_text", "client_at": "client_created_at", "at": "created_at"},
    "step_note": {"at": "created_at"},
    "project": {
        "screening_mark": "screening_threshold",
        "gold_mark": "gold_threshold",
        "pause_minutes": "break_reminder_minutes",
        "show_reference": "reference_visibility",
    },
}
CONSTRAINTS = {  # by the new table; checks that are not named after a column
    "rating_event": {"ck_rating_event_place": "ck_rating_event_position"},
    "step_note": {"ck_step_note_place": "ck_step_note_position"},
}
INDEXES = {
    "ix_task_known": "ix_task_control",
    "ix_submission_return_waiting": "ix_submission_return_open",
}
VALUES = {
    ("label_exposure", "via"): {"opened": "page", "shown": "reveal"},
    ("previous_submission", "outcome"): {"kept": "restored"},
}
CHECKS = {  # of the columns in VALUES: the new values, the old ones
    ("label_exposure", "via"): (("page", "reveal"), ("opened", "shown")),
    ("previous_submission", "outcome"): (("replaced", "restored"), ("replaced", "kept")),
}
SHOWN = (  # column, type, default, its value of the old column "shown"
    ("mode", sa.String(), None, "shown ->> 'mode'"),
    ("instructions_version", sa.Integer(), None, "(shown ->> 'instructions')::int"),
    (
        "reference_shown",
        sa.Boolean(),
        "false",
        "coalesce((shown ->> 'reference_answer')::boolean, false)",
    ),
    ("has_notes", sa.Boolean(), "false", "coalesce((shown ->> 'noted')::boolean, false)"),
    ("reopen_count", sa.SmallInteger(), "0", "coalesce((shown ->> 'reopened')::smallint, 0)"),
    ("gold_feedback", sa.Boolean(), "false", "coalesce((shown ->> 'feedback')::boolean, false)"),
    (
        "reference_verdict",
        sa.String(),
        None,
        "CASE shown ->> 'reference_doubt' WHEN 'reference' THEN 'incorrect' WHEN 'unsure' THEN 'unsure' END",
    ),
)
BAG = """jsonb_strip_nulls(jsonb_build_object(
    'mode', mode,
    'instructions', instructions_version,
    'reference_answer', CASE WHEN mode IS NOT NULL THEN reference_shown END,
    'noted', CASE WHEN has_notes THEN true END,
    'reopened', CASE WHEN reopen_count > 0 THEN reopen_count END,
    'feedback', CASE WHEN gold_feedback THEN true END,
    'reference_doubt', CASE reference_verdict WHEN 'incorrect' THEN 'reference' ELSE reference_verdict END))"""


def upgrade() -> None:
    for old, new in TABLES.items():
        rename_table(old, new)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            rename_column(table, old, new)
    for table, names in CONSTRAINTS.items():
        for old, new in names.items():
            rename_constraint(table, old, new)
    for old, new in INDEXES.items():
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    for (table, column), values in VALUES.items():
        change_values(table, column, values, CHECKS[table, column][0])
    op.execute("ALTER VIEW own_step_label RENAME TO solution_step_label")
    for name, kind, default, _ in SHOWN:
        op.add_column("assignment", sa.Column(name, kind, server_default=default, nullable=default is None))
    columns = ", ".join(f"{name} = {value}" for name, _, _, value in SHOWN)
    op.execute(f"UPDATE assignment SET {columns} WHERE shown <> '{{}}'")
    op.create_check_constraint(
        op.f("ck_assignment_reference_verdict"),
        "assignment",
        "reference_verdict IN ('incorrect', 'unsure')",
    )
    op.drop_column("assignment", "shown")


def downgrade() -> None:
    op.add_column(
        "assignment",
        sa.Column("shown", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.execute(f"UPDATE assignment SET shown = {BAG}")
    for name, _, _, _ in SHOWN:
        op.drop_column("assignment", name)
    op.execute("ALTER VIEW solution_step_label RENAME TO own_step_label")
    for (table, column), values in VALUES.items():
        reverse = {new: old for old, new in values.items()}
        change_values(table, column, reverse, CHECKS[table, column][1])
    for old, new in INDEXES.items():
        op.execute(f"ALTER INDEX {new} RENAME TO {old}")
    for table, names in CONSTRAINTS.items():
        for old, new in names.items():
            rename_constraint(table, new, old)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            rename_column(table, new, old)
    for old, new in TABLES.items():
        rename_table(new, old)
