"""Adjudication and agreement by the terms of the glossary.

Revision ID: quality_names
Revises: slice_views
"""

from __future__ import annotations

from alembic import op

from app.core import rename_migration as rename

revision = "quality_names"
down_revision = "slice_views"
branch_labels = None
depends_on = None

TABLES = {
    "second_look": "adjudication_candidate",
    "look_again": "adjudication_recheck",
    "looked_over": "adjudication_scan",
    "agreement": "agreement_report",
    "agreement_figure": "agreement_value",
}
COLUMNS = {  # by the new table
    "adjudication": {"at": "created_at", "knew": "exposure", "asked_for": "queue_reasons"},
    "adjudication_candidate": {"place": "priority", "model": "model_disagreement"},
    "agreement_report": {
        "asked_at": "requested_at",
        "counted_at": "computed_at",
        "last_at": "last_submission_at",
    },
    "agreement_value": {"about": "scope", "newest": "newest_solution_ids"},
}
CONSTRAINTS = {  # by the new table; checks that are not named after a column
    "adjudication": {"ck_adjudication_some": "ck_adjudication_not_empty"},
    "adjudication_candidate": {"ck_adjudication_candidate_why": "ck_adjudication_candidate_reason"},
}
INDEXES = {
    "ix_adjudication_candidate_place": "ix_adjudication_candidate_priority",
    "uq_agreement_value_about": "uq_agreement_value_scope",
}
EXPOSURE = {"nothing": "none", "opened": "page", "shown": "reveal"}
OTHER_EXPOSURE = ("own", "unknown")
JOBS = {"quality.look": "quality.refresh_candidates"}
TRIGGERS = {
    "assignment_made_look_again": "assignment_insert_recheck",
    "assignment_changed_look_again": "assignment_update_recheck",
}
FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {table} (project_id, solution_id)
    SELECT NEW.project_id, t.solution_id FROM task t WHERE t.id = NEW.task_id;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    for old, new in TABLES.items():
        rename.rename_table(old, new)
    for table, columns in COLUMNS.items():
        rename.rename_columns(table, columns)
    for table, names in CONSTRAINTS.items():
        for old, new in names.items():
            rename.rename_constraint(table, old, new)
    for old, new in INDEXES.items():
        rename.rename_index(old, new)
    rename.change_values("adjudication", "exposure", EXPOSURE, (*EXPOSURE.values(), *OTHER_EXPOSURE))
    rename.rename_json_key("adjudication", "queue_reasons", "model", "model_disagreement")
    rename_trigger("look_again", "add_adjudication_recheck", "adjudication_recheck")
    for old, new in TRIGGERS.items():
        op.execute(f"ALTER TRIGGER {old} ON assignment RENAME TO {new}")
    rename.rename_jobs(JOBS)


def downgrade() -> None:
    rename.rename_jobs(rename.reverse(JOBS))
    for old, new in TRIGGERS.items():
        op.execute(f"ALTER TRIGGER {new} ON assignment RENAME TO {old}")
    rename_trigger("add_adjudication_recheck", "look_again", "look_again")
    rename.rename_json_key("adjudication", "queue_reasons", "model_disagreement", "model")
    former = rename.reverse(EXPOSURE)
    rename.change_values("adjudication", "exposure", former, (*EXPOSURE, *OTHER_EXPOSURE))
    for old, new in INDEXES.items():
        rename.rename_index(new, old)
    for table, names in CONSTRAINTS.items():
        for old, new in names.items():
            rename.rename_constraint(table, new, old)
    for table, columns in COLUMNS.items():
        rename.rename_columns(table, rename.reverse(columns))
    for old, new in TABLES.items():
        rename.rename_table(new, old)


def rename_trigger(old: str, new: str, table: str) -> None:
    op.execute(f"ALTER FUNCTION {old}() RENAME TO {new}")
    op.execute(FUNCTION.format(name=new, table=table))
