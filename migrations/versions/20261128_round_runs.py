"""rounds in the table of runs, with child runs instead of ids in JSON"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.run_migration import Move, delete_runs, move_back, move_to_run

revision = "round_runs"
down_revision = "evaluation_runs"
branch_labels = None
depends_on = None

ROUND = Move(
    table="round",
    kind="round",
    columns=(
        "project_id", "state", "config", "error", "created_by", "created_at", "started_at", "finished_at",
        "cancel_requested_at",
    ),
    computed={
        "attempt": "CASE WHEN t.state = 'queued' THEN 0 ELSE 1 END",
        "progress": "jsonb_build_object('phase', t.stage)",
        "heartbeat_at": "CASE WHEN t.state = 'running' THEN now() END",
    },
    jobs=("selection.advance",),
    indexes=(
        "CREATE UNIQUE INDEX uq_round_one_active ON round (project_id) WHERE state IN ('queued', 'running')",
    ),
)  # fmt: skip
REFERENCES = {"snapshot_id": "snapshot", "model_id": "model", "generation_id": "generation"}
CHILDREN = ("training_run_id", "scoring_run_id", "sampling_run_id")
COLUMNS = ("gate", "picks", "funnel")


def upgrade() -> None:
    op.drop_index("uq_round_one_active", "round")
    move_to_run(op.get_bind(), ROUND)
    for name, table in REFERENCES.items():
        op.add_column("round", sa.Column(name, sa.BigInteger(), nullable=True))
        # an id of something that is gone was kept in the JSON
        op.execute(
            f"UPDATE round SET {name} = (SELECT id FROM {table} WHERE id = (made->>'{name}')::bigint)"  # noqa: S608
        )
        op.create_foreign_key(op.f(f"fk_round_{name}"), "round", table, [name], ["id"])
    for name in COLUMNS:
        op.add_column("round", sa.Column(name, postgresql.JSONB(), nullable=True))
        op.execute(f"UPDATE round SET {name} = made->'{name}'")  # noqa: S608
    op.add_column("round", sa.Column("queued", sa.Integer(), nullable=True))
    op.execute("UPDATE round SET queued = (made->>'queued')::integer")
    for name in CHILDREN:
        op.execute(
            f"UPDATE run SET parent_id = round.run_id FROM round WHERE run.id = (made->>'{name}')::bigint"  # noqa: S608
        )
    op.drop_column("round", "made")
    op.create_index(
        "uq_run_active_round",
        "run",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'round' AND state IN ('queued', 'running')"),
    )


def downgrade() -> None:
    op.drop_index("uq_run_active_round", "run")
    op.add_column(
        "round",
        sa.Column("made", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    fields = (*REFERENCES, *COLUMNS, "queued")
    for name in fields:
        op.execute(
            f"UPDATE round SET made = made || jsonb_build_object('{name}', {name}) WHERE {name} IS NOT NULL"  # noqa: S608
        )
    for name, kind in zip(CHILDREN, ("training", "scoring", "sampling"), strict=True):
        op.execute(
            f"UPDATE round SET made = made || jsonb_build_object('{name}', child.id) FROM ("  # noqa: S608
            f"SELECT parent_id, max(id) AS id FROM run WHERE kind = '{kind}' GROUP BY parent_id) AS child"
            " WHERE child.parent_id = round.run_id"
        )
    for name in fields:
        op.drop_column("round", name)
    move_back(op.get_bind(), ROUND)
    delete_runs(op.get_bind(), "round")
