"""`stepmark project`, and `stepmark user add`, which gives a role in one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app.accounts.commands import Email, FromStdin, read_password, users
from app.modes import MODES

ProjectName = Annotated[str, typer.Option("--project", help="Name or slug of the project.")]
projects = typer.Typer(no_args_is_help=True, help="Projects: their problems, labelers and models.")


class Role(StrEnum):
    labeler = "labeler"
    researcher = "researcher"
    admin = "admin"


Mode = StrEnum("Mode", {mode: mode for mode in MODES})  # type: ignore[misc]
"""The modes of the registry, for the command line."""
DEFAULT_MODE = Mode(next(iter(MODES)))


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(projects, name="project")


@projects.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the project.")],
    mode: Annotated[Mode, typer.Option(help="Labeling mode.")] = DEFAULT_MODE,
) -> None:
    """Create a project."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.projects import projects

    with ready_database(), transaction() as db:
        project = projects.create_project(db, name, mode.value, None)
        typer.echo(f"{project.name} is at /projects/{project.slug}")


@projects.command("list")
def show() -> None:
    """List projects."""
    from sqlalchemy import func, select

    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.projects.models import Project

    with ready_database(), transaction() as db:
        for row in db.scalars(select(Project).order_by(func.lower(Project.name))):
            typer.echo(
                "\t".join([row.name, row.slug, row.mode, "archived" if row.archived_at else ""]).rstrip()
            )


@users.command()
def add(
    email: Email,
    role: Annotated[Role, typer.Option(help="Role in the project; admin without a project is a site admin.")],
    project: Annotated[str | None, typer.Option(help="Name or slug of the project.")] = None,
    name: Annotated[str, typer.Option(help="Display name.")] = "",
    password_stdin: FromStdin = False,
) -> None:
    """Create a user, or add an existing user to a project. Prints a random password."""
    from app.accounts import users
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.projects import joining

    typed_password = read_password() if password_stdin else None
    password = typed_password if typed_password is not None else users.new_password()
    with ready_database(), transaction() as db:
        new = joining.add_user(db, email, role.value, project, name=name, password=password)
    if not new:
        typer.echo(f"{email} already had an account; its password did not change.", err=True)
    elif typed_password is None:
        typer.echo(f"password {password}")
    where = f"in {project}" if project else "of this server" if role is Role.admin else "in no project yet"
    typer.echo(f"{email} is {role.value} {where}.")
