"""`stepmark user`. `user add` is in projects/commands.py, since it knows projects."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import typer

users = typer.Typer(no_args_is_help=True, help="Manage users.")
Email = Annotated[str, typer.Argument(help="Email address of the user.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input (one line).")
]


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(users, name="user")


def read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


@users.command("list")
def show() -> None:
    """List users."""
    from sqlalchemy import func, select

    from app.accounts.models import User
    from app.core.db import transaction
    from app.core.startup import ready_database

    with ready_database(), transaction() as db:
        everyone = select(User).where(User.email.is_not(None)).order_by(func.lower(User.email))
        for user in db.scalars(everyone):
            notes = ["site admin"] * user.is_admin + ["disabled"] * (user.disabled_at is not None)
            typer.echo("\t".join([user.email or "", user.name, ", ".join(notes)]).rstrip())


@users.command()
def disable(email: Email) -> None:
    """Disable a user and end their sessions."""
    from app.accounts import users
    from app.core.db import transaction
    from app.core.startup import ready_database

    with ready_database(), transaction() as db:
        users.disable_user(db, users.get_user_by_email(db, email), None, dt.datetime.now(dt.UTC))
    typer.echo(f"{email} is disabled.")


@users.command()
def enable(email: Email) -> None:
    """Enable a user."""
    from app.accounts import users
    from app.core.db import transaction
    from app.core.startup import ready_database

    with ready_database(), transaction() as db:
        users.enable_user(db, users.get_user_by_email(db, email), None)
    typer.echo(f"{email} is enabled.")


@users.command()
def password(email: Email, password_stdin: FromStdin = False) -> None:
    """Set a new password (prints a random one) and end the user's sessions."""
    from app.accounts import audit, users
    from app.core.db import transaction
    from app.core.startup import ready_database

    new = read_password() if password_stdin else users.new_password()
    with ready_database(), transaction() as db:
        user = users.get_user_by_email(db, email)
        users.set_password(db, user, new)
        audit.record_event(db, None, "user.password", user.email or "")
    typer.echo(f"{email} has a new password{'' if password_stdin else ': ' + new}")
