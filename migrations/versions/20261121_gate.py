"""a round validates its selector before it lets it choose"""

from alembic import op

revision = "gate"
down_revision = "lab"
branch_labels = None
depends_on = None

BEFORE = "stage IN ('snapshot', 'train', 'score', 'select', 'queue')"
AFTER = "stage IN ('snapshot', 'train', 'score', 'validate', 'select', 'queue')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_round_stage"), "round", type_="check")
    op.create_check_constraint(op.f("ck_round_stage"), "round", AFTER)


def downgrade() -> None:
    op.execute("UPDATE round SET stage = 'score' WHERE stage = 'validate'")
    op.drop_constraint(op.f("ck_round_stage"), "round", type_="check")
    op.create_check_constraint(op.f("ck_round_stage"), "round", BEFORE)
