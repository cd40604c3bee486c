"""around the desk"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "around"
down_revision = "evaluation"
branch_labels = None
depends_on = None

RULES = {
    "reopening": "reopening IN ('never', 'grace', 'open')",
    "grace_minutes": "grace_minutes BETWEEN 1 AND 1440",
    "pause_minutes": "pause_minutes BETWEEN 0 AND 600",
}


def upgrade() -> None:
    op.create_table(
        "instructions_version",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name=op.f("fk_instructions_version_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name=op.f("fk_instructions_version_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_instructions_version")),
    )
    op.create_table(
        "instructions_read",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "number"],
            ["instructions_version.project_id", "instructions_version.number"],
            name=op.f("fk_instructions_read_project_id_number"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_instructions_read_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "project_id", "number", name=op.f("pk_instructions_read")),
    )
    op.create_table(
        "earlier_submission",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish_reason", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("total_time_ms", sa.Integer(), nullable=True),
        sa.Column("active_time_ms", sa.Integer(), nullable=True),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_as", sa.String(), nullable=True),
        sa.CheckConstraint("ended_as IN ('replaced', 'kept')", name=op.f("ck_earlier_submission_ended_as")),
        sa.CheckConstraint(
            "why IN ('undone', 'reopened', 'returned')", name=op.f("ck_earlier_submission_why")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_as IS NULL)", name=op.f("ck_earlier_submission_ended")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name=op.f("fk_earlier_submission_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earlier_submission")),
    )
    op.create_index(
        op.f("ix_earlier_submission_assignment_id"), "earlier_submission", ["assignment_id"], unique=False
    )
    op.create_index(
        "uq_earlier_submission_open",
        "earlier_submission",
        ["assignment_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "step_note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("candidate", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(text) <= 2000", name=op.f("ck_step_note_text")),
        sa.CheckConstraint("position >= 0 AND candidate >= 0", name=op.f("ck_step_note_place")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_step_note_assignment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_note")),
        sa.UniqueConstraint("note_id", name=op.f("uq_step_note_note_id")),
    )
    op.create_index(op.f("ix_step_note_assignment_id"), "step_note", ["assignment_id"], unique=False)
    op.create_table(
        "task_return",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("returned_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name=op.f("fk_task_return_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_task_return_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["returned_by"], ["user_account.id"], name=op.f("fk_task_return_returned_by")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_task_return_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_return")),
    )
    op.create_index(op.f("ix_task_return_assignment_id"), "task_return", ["assignment_id"], unique=False)
    op.create_index(
        "ix_task_return_waiting",
        "task_return",
        ["user_id", "project_id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index(
        "uq_task_return_open",
        "task_return",
        ["assignment_id"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.add_column(
        "project", sa.Column("instructions_number", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("project", sa.Column("reopening", sa.String(), server_default="grace", nullable=False))
    op.add_column("project", sa.Column("grace_minutes", sa.Integer(), server_default="10", nullable=False))
    op.add_column("project", sa.Column("pause_minutes", sa.Integer(), server_default="50", nullable=False))
    for name, rule in RULES.items():
        op.create_check_constraint(op.f(f"ck_project_{name}"), "project", rule)
    op.execute(
        "INSERT INTO instructions_version (project_id, number, text)"
        " SELECT id, 1, instructions FROM project WHERE instructions <> ''"
    )
    op.execute("UPDATE project SET instructions_number = 1 WHERE instructions <> ''")


def downgrade() -> None:
    op.drop_column("project", "pause_minutes")
    op.drop_column("project", "grace_minutes")
    op.drop_column("project", "reopening")
    op.drop_column("project", "instructions_number")
    op.drop_index(
        "uq_task_return_open", table_name="task_return", postgresql_where=sa.text("answered_at IS NULL")
    )
    op.drop_index(
        "ix_task_return_waiting", table_name="task_return", postgresql_where=sa.text("answered_at IS NULL")
    )
    op.drop_index(op.f("ix_task_return_assignment_id"), table_name="task_return")
    op.drop_table("task_return")
    op.drop_index(op.f("ix_step_note_assignment_id"), table_name="step_note")
    op.drop_table("step_note")
    op.drop_index(
        "uq_earlier_submission_open",
        table_name="earlier_submission",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_earlier_submission_assignment_id"), table_name="earlier_submission")
    op.drop_table("earlier_submission")
    op.drop_table("instructions_read")
    op.drop_table("instructions_version")
