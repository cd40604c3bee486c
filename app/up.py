"""`stepmark up`: start and stop database, web and worker together."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from app.core.errors import DomainError
from app.core.startup import ready_database
from app.core.supervisor import Child, Supervisor, stepmark_command
from app.core.web_process import is_serving, web_command, web_url
from app.settings import settings

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORKER_PATIENCE = 45.0  # a training writes its checkpoint within 30 s


class Ending:
    """Set by the first Ctrl-C or SIGTERM; a second one forces the shutdown."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, *_: object) -> None:
        self.asked += 1
        if self.asked > 1:
            raise KeyboardInterrupt


@contextmanager
def until_ended() -> Iterator[Ending]:
    ending = Ending()
    before = {number: signal.signal(number, ending) for number in ENDINGS}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(host: str | None = None, port: int | None = None, *, worker: bool = True) -> None:
    """Run everything until Ctrl-C or SIGTERM."""
    host, port = host or settings().host, settings().port if port is None else port
    refuse_taken(host, port)
    with ready_database():
        logins = [login] if (login := first_admin()) else []
        serve(host, port, worker=worker, logins=logins)


def first_admin() -> tuple[str, str] | None:
    """Email and password of a newly created admin; None if an admin exists."""
    from app.accounts.users import ensure_first_admin
    from app.core.db import transaction

    with transaction() as db:
        return ensure_first_admin(db)


def serve(host: str, port: int, *, worker: bool = True, logins: list[tuple[str, str]] | None = None) -> None:
    """Run web and worker on a ready database until asked to stop."""
    members = [Child("worker", stepmark_command("worker"), WORKER_PATIENCE)] if worker else []
    children = Supervisor([*members, Child("web", web_command(host, port))])
    try:
        with until_ended() as ending:
            announced = False
            while not ending.asked:
                for line in children.restart_due():
                    typer.secho(line, fg="yellow", err=True)
                if not announced and is_serving(host, port):
                    announced = True
                    print_address(host, port, logins or [])
                time.sleep(0.2)
            typer.echo("Stopping… Press Ctrl-C again to force.")
            children.stop()
    except KeyboardInterrupt:
        typer.echo("Forcing shutdown.")
    finally:
        children.stop(hurry=True)  # whatever is left


def refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DomainError(
                f"Stepmark cannot listen on {host}, port {port}: {error.strerror}.",
                remedy="Stop the program that uses the port, or choose another with --port "
                "(or STEPMARK_PORT).",
            ) from error


def print_address(host: str, port: int, logins: list[tuple[str, str]]) -> None:
    typer.echo("")
    typer.secho(f"  Stepmark is at {web_url(host, port)}", bold=True)
    for email, password in logins:
        typer.echo(f"    sign in as {email}   password {password}")
    typer.echo("  Press Ctrl-C to stop.\n")
