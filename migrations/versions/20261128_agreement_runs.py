"""the count of agreement in the table of runs"""

import sqlalchemy as sa
from alembic import op

from app.core.run_migration import delete_runs, drop_jobs

revision = "agreement_runs"
down_revision = "import_runs"
branch_labels = None
depends_on = None

OLD_STATE = "state IN ('waiting', 'reading', 'resampling', 'done', 'failed')"


def upgrade() -> None:
    op.add_column("agreement", sa.Column("run_id", sa.BigInteger(), nullable=True))
    op.execute(
        """INSERT INTO run (project_id, kind, state, attempt, progress, created_at, started_at, heartbeat_at,
               finished_at)
           SELECT project_id, 'agreement',
               CASE state WHEN 'done' THEN 'succeeded' WHEN 'failed' THEN 'failed' ELSE 'queued' END,
               0, jsonb_build_object('phase', state, 'done', done, 'total', whole), asked_at, asked_at,
               asked_at, CASE WHEN state IN ('done', 'failed') THEN coalesce(counted_at, asked_at) END
           FROM agreement ORDER BY project_id"""
    )
    op.execute(
        """INSERT INTO run_event (run_id, created_at, to_state, attempt)
           SELECT id, created_at, state, 0 FROM run WHERE kind = 'agreement'"""
    )
    op.execute(
        "UPDATE agreement a SET run_id = r.id FROM run r"
        " WHERE r.kind = 'agreement' AND r.project_id = a.project_id"
    )
    for name in ("project_id", "state", "done", "whole"):  # the primary key goes with its column
        op.drop_column("agreement", name)
    op.create_primary_key(op.f("pk_agreement"), "agreement", ["run_id"])
    op.create_foreign_key(
        op.f("fk_agreement_run_id"), "agreement", "run", ["run_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(
        "uq_run_agreement", "run", ["project_id"], unique=True, postgresql_where=sa.text("kind = 'agreement'")
    )
    drop_jobs(op.get_bind(), ["quality.agree"])


def downgrade() -> None:
    op.drop_index("uq_run_agreement", "run")
    op.add_column("agreement", sa.Column("project_id", sa.BigInteger(), nullable=True))
    op.add_column("agreement", sa.Column("state", sa.String(), server_default="waiting", nullable=False))
    for name in ("done", "whole"):
        op.add_column("agreement", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.execute(
        """UPDATE agreement a SET project_id = r.project_id,
               state = CASE r.state WHEN 'succeeded' THEN 'done' ELSE 'failed' END
           FROM run r WHERE r.id = a.run_id"""
    )
    op.drop_column("agreement", "run_id")
    op.create_primary_key(op.f("pk_agreement"), "agreement", ["project_id"])
    op.create_foreign_key(
        op.f("fk_agreement_project_id"), "agreement", "project", ["project_id"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(op.f("ck_agreement_state"), "agreement", OLD_STATE)
    delete_runs(op.get_bind(), "agreement")
    drop_jobs(op.get_bind(), ["runs.agreement"])
