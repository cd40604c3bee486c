"""what waits for a second look, kept"""

import sqlalchemy as sa
from alembic import op

revision = "second_look"
down_revision = "simulations"
branch_labels = None
depends_on = None

PLACE = "CASE WHEN disagreement THEN 0 ELSE 2 END + CASE WHEN flagged THEN 0 ELSE 1 END"
# Whoever changes an assignment: the desk, a sweep of old leases, an import.
NOTE = """
CREATE FUNCTION look_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO look_again (project_id, solution_id)
    SELECT NEW.project_id, t.solution_id FROM task t WHERE t.id = NEW.task_id;
    RETURN NULL;
END $$;
CREATE TRIGGER assignment_made_look_again AFTER INSERT ON assignment
    FOR EACH ROW WHEN (NEW.state = 'submitted') EXECUTE FUNCTION look_again();
CREATE TRIGGER assignment_changed_look_again AFTER UPDATE OF state ON assignment
    FOR EACH ROW WHEN ((NEW.state = 'submitted') <> (OLD.state = 'submitted')) EXECUTE FUNCTION look_again();
"""
ALL = (
    "INSERT INTO look_again (project_id, solution_id) SELECT DISTINCT a.project_id, t.solution_id"
    " FROM assignment a JOIN task t ON t.id = a.task_id WHERE a.state = 'submitted'"
)


def upgrade() -> None:
    op.create_table(
        "second_look",
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("labelers", sa.Integer(), nullable=False),
        *(sa.Column(why, sa.Boolean(), nullable=False) for why in ("disagreement", "flagged", "model")),
        sa.Column("place", sa.SmallInteger(), sa.Computed(PLACE, persisted=True), nullable=False),
        sa.CheckConstraint("disagreement OR flagged OR model", name=op.f("ck_second_look_why")),
        *keys("second_look", "solution", "project"),
        sa.PrimaryKeyConstraint("solution_id", name=op.f("pk_second_look")),
    )
    op.create_index("ix_second_look_place", "second_look", ["project_id", "place", "solution_id"])
    op.create_table(
        "look_again",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("solution_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_again")),
    )
    op.create_index(op.f("ix_look_again_project_id"), "look_again", ["project_id"])
    op.create_table(
        "looked_over",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("scoring_run_id", sa.BigInteger(), nullable=True),
        *keys("looked_over", "project"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_looked_over")),
    )
    op.execute(NOTE)
    op.execute(ALL)


def keys(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id"), ondelete="CASCADE"
        )
        for other in others
    ]


def downgrade() -> None:
    op.execute("DROP TRIGGER assignment_made_look_again ON assignment")
    op.execute("DROP TRIGGER assignment_changed_look_again ON assignment")
    op.execute("DROP FUNCTION look_again()")
    op.drop_table("looked_over")
    op.drop_table("look_again")
    op.drop_table("second_look")
