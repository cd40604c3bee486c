"""How a person is named on every page and in every list: by name, else by email address, else as an
imported labeler with the first digits of their UUID."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column

from app.accounts.models import User

DIGITS = 4


def display_name(user: User) -> str:
    return user.name or user.email or f"Imported labeler {str(user.uuid)[:DIGITS]}"


def display_name_sql(table: str) -> str:
    """The same for SQL, of the row of user_account that the statement calls `table`."""
    imported = f"'Imported labeler ' || left({table}.uuid::text, {DIGITS})"
    return f"coalesce(nullif({table}.name, ''), {table}.email, {imported})"


DISPLAY_NAME: ColumnElement[str] = literal_column(display_name_sql("user_account"))
