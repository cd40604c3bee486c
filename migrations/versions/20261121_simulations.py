"""simulations and the points of their curves"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "simulations"
down_revision = "seen"
branch_labels = None
depends_on = None
JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "simulation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.String(), server_default="fast", nullable=False),
        sa.Column("setting", JSON, server_default="{}", nullable=False),
        sa.Column("policies", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("seeds", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("progress", JSON, server_default="{}", nullable=False),
        sa.Column("results", JSON, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("form IN ('fast', 'full')", name=op.f("ck_simulation_form")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_simulation_state"),
        ),
        sa.CheckConstraint(
            "(state = 'succeeded') = (results IS NOT NULL)", name=op.f("ck_simulation_results")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_simulation_created_by")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_simulation_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation")),
    )
    op.create_index(op.f("ix_simulation_project_id"), "simulation", ["project_id"], unique=False)
    op.create_table(
        "simulation_point",
        sa.Column("simulation_id", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("test_set", sa.String(), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=False),
        sa.Column("labeled", sa.Integer(), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False),
        sa.Column("n", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("best_of", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("gate", JSON, nullable=True),
        sa.Column("seconds", JSON, server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["simulation_id"],
            ["simulation.id"],
            name=op.f("fk_simulation_point_simulation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "simulation_id", "seed", "policy", "test_set", "budget", name=op.f("pk_simulation_point")
        ),
    )


def downgrade() -> None:
    op.drop_table("simulation_point")
    op.drop_index(op.f("ix_simulation_project_id"), table_name="simulation")
    op.drop_table("simulation")
