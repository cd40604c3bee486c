"""The job queue: procrastinate's own schema, as the pinned release ships it."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The driver's cursor: the schema holds % and : that SQLAlchemy would read as its own.
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(
        """
        DO $$ DECLARE it record; BEGIN
          FOR it IN SELECT oid::regclass AS name FROM pg_class
                    WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' LOOP
            EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', it.name);
          END LOOP;
          FOR it IN SELECT oid::regprocedure AS name FROM pg_proc WHERE proname LIKE 'procrastinate\\_%' LOOP
            EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', it.name);
          END LOOP;
          FOR it IN SELECT oid::regtype AS name FROM pg_type
                    WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') LOOP
            EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', it.name);
          END LOOP;
        END $$
        """
    )
