"""known answers, standing, adjudication, and the policy of quality"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "quality"
down_revision = "around"
branch_labels = None
depends_on = None

POLICY = {
    "overlap_share": (sa.Float(), "1", "overlap_share BETWEEN 0 AND 1"),
    "screening_mark": (sa.Float(), "0", "screening_mark BETWEEN 0 AND 1"),
    "gold_rate": (sa.Float(), "0", "gold_rate BETWEEN 0 AND 0.5"),
    "gold_feedback": (sa.Boolean(), "false", None),
    "gold_mark": (sa.Float(), "0", "gold_mark BETWEEN 0 AND 1"),
    "gold_window": (sa.Integer(), "10", "gold_window BETWEEN 1 AND 1000"),
}


def now() -> sa.Column:
    return sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def key(table: str, column: str, to: str, cascade: bool = True) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [to], name=name, ondelete="CASCADE" if cascade else None)


def upgrade() -> None:
    for name, (kind, default, rule) in POLICY.items():
        op.add_column("project", sa.Column(name, kind, server_default=default, nullable=False))
        if rule:
            op.create_check_constraint(op.f(f"ck_project_{name}"), "project", rule)
    op.create_table(
        "known_answer",
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("ratings", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        now(),
        sa.CheckConstraint("source IN ('adjudicated', 'imported')", name=op.f("ck_known_answer_source")),
        key("known_answer", "task_id", "task.id"),
        key("known_answer", "made_by", "user_account.id", cascade=False),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_known_answer")),
    )
    op.create_table(
        "known_mark",
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("right", sa.Boolean(), nullable=False),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("steps_right", sa.SmallInteger(), nullable=False),
        now(),
        sa.CheckConstraint("steps_right BETWEEN 0 AND steps", name=op.f("ck_known_mark_steps")),
        key("known_mark", "assignment_id", "assignment.id"),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_known_mark")),
    )
    op.create_table(
        "standing",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("screened", sa.String(), nullable=True),
        sa.Column("screening_score", sa.Float(), nullable=True),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_reason", sa.String(), server_default="", nullable=False),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("screened IN ('passed', 'failed')", name=op.f("ck_standing_screened")),
        key("standing", "project_id", "project.id"),
        key("standing", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("pk_standing")),
    )
    op.create_table(
        "adjudication",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("ratings", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        now(),
        sa.Column("blind", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("asked_for", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("ratings <@ ARRAY[-1, 0, 1]::smallint[]", name=op.f("ck_adjudication_ratings")),
        sa.CheckConstraint("cardinality(ratings) > 0", name=op.f("ck_adjudication_some")),
        key("adjudication", "project_id", "project.id"),
        key("adjudication", "solution_id", "solution.id"),
        key("adjudication", "decided_by", "user_account.id", cascade=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjudication")),
        sa.UniqueConstraint("solution_id", name=op.f("uq_adjudication_solution_id")),
    )
    op.create_index("ix_adjudication_project_id", "adjudication", ["project_id", "at"])
    op.create_index(
        "ix_task_known", "task", ["project_id", "kind"], postgresql_where=sa.text("kind <> 'regular'")
    )


def downgrade() -> None:
    op.drop_index("ix_task_known", table_name="task", postgresql_where=sa.text("kind <> 'regular'"))
    for table in ("adjudication", "standing", "known_mark", "known_answer"):
        op.drop_table(table)
    for name in POLICY:
        op.drop_column("project", name)
