"""The driver's connection behind a session, for COPY and server-side cursors."""

from __future__ import annotations

import psycopg
from sqlalchemy.orm import Session


def driver_connection(db: Session) -> psycopg.Connection:
    connection = db.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection
