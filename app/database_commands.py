"""`stepmark db ...`: upgrade, downgrade, status, backup, restore."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from app.core import db as core_db
from app.core.errors import Conflict, DomainError, Invalid
from app.core.migrate import (
    current_revision,
    downgrade_schema,
    list_undone_migrations,
    newest_revision,
)
from app.core.startup import ready_database, running_database
from app.settings import settings

db = typer.Typer(no_args_is_help=True, help="Manage the database: schema, status, backups.")
File = Annotated[Path, typer.Argument(help="Backup file (pg_dump custom format).")]


def register(cli: typer.Typer) -> None:
    cli.add_typer(db, name="db")


@db.command()
def upgrade() -> None:
    """Upgrade the schema to this version."""
    with ready_database():
        typer.echo(f"The schema is at {newest_revision()}.")


@db.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision of the older version's schema.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Return the schema to REVISION, for an older version. Stop web and worker first, and back up.

    Data that the older schema has no place for is lost."""
    with running_database():
        with core_db.engine().connect() as connection:
            undone = list_undone_migrations(connection, revision)
        for script in undone:
            typer.echo(f"  undo {script.revision}: {script.doc}")
        typer.echo(
            f"WARNING: this undoes {len(undone)} migrations. Data that the older schema has no place for is"
            " lost. Stop web and worker, and run `stepmark db backup` first."
        )
        if not yes:
            typer.confirm("Downgrade the database?", abort=True)
        downgrade_schema(core_db.engine(), revision)
    typer.echo(f"The schema is at {revision}. Start the version it belongs to: this one would upgrade it.")


@db.command()
def status() -> None:
    """Show where the database is and which schema it has."""
    embedded = settings().database_url is None
    if embedded:
        from app.core.embedded import Embedded

        status = Embedded(settings().home / "postgres").status()
        state = (
            f"running (process {status.pid}, {status.owners} in need of it)" if status.running else "stopped"
        )
        typer.echo(f"embedded, {state}\n  data   {status.data}\n  log    {status.log}")
        if not status.running:
            return
    with running_database(), core_db.engine().connect() as connection:
        server = ".".join(map(str, connection.dialect.server_version_info or ()))
        where = core_db.engine().url.render_as_string(hide_password=True)
        typer.echo(f"  url    {where}\n  server PostgreSQL {server}")
        at = current_revision(connection)
    typer.echo(
        f"  schema {at or 'none'}"
        + ("" if at == newest_revision() else f"; this version's is {newest_revision()}")
    )


@db.command()
def backup(file: File) -> None:
    """Back up the database to FILE. The backup is consistent; people can keep working."""
    draft = file.with_name(file.name + ".part")
    with ready_database() as url:
        run("pg_dump", "--format=custom", f"--file={draft}", f"--dbname={core_db.libpq_url(url)}")
    draft.replace(file)
    typer.echo(
        f"{file}: {file.stat().st_size:,} bytes. Models and uploads are files: copy {settings().home} too."
    )


@db.command()
def restore(
    file: File,
    replace: Annotated[bool, typer.Option(help="Replace the current contents of the database.")] = False,
) -> None:
    """Restore the database from FILE. Stop web and worker first."""
    if not file.is_file():
        raise Invalid(f"There is no file {file}.", remedy="Name a file made by `stepmark db backup`.")
    with running_database() as url:
        if not replace and holds_users():
            raise Conflict(
                "The database holds data already.", remedy="Back it up, then restore with --replace."
            )
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        run("pg_restore", *options, f"--dbname={core_db.libpq_url(url)}", str(file))
    with ready_database():
        typer.echo(f"Restored from {file}; the schema is at {newest_revision()}.")


def holds_users() -> bool:
    with core_db.engine().connect() as connection:
        table = connection.scalar(text("SELECT to_regclass('user_account')"))
        return table is not None and bool(connection.scalar(text("SELECT EXISTS (SELECT FROM user_account)")))


def run(program: str, *arguments: str) -> None:
    """Run a PostgreSQL program from the package that ships the server."""
    from app.core.embedded.binaries import install_for

    _, install = install_for(Path(os.devnull))
    done = subprocess.run([install / "bin" / program, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise DomainError(
            f"{program} failed:\n{done.stderr.strip()}",
            remedy=f"With a server newer than this {program}, use the one that came with the server.",
        )
