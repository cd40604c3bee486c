"""`stepmark up`: start and stop database, web and worker together."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import typer

from app.core.embedded import Embedded, is_embedded_url
from app.core.errors import DomainError
from app.core.startup import ready_database
from app.core.supervisor import Child, Supervisor, stepmark_command
from app.core.web_process import is_serving, web_command, web_url
from app.settings import settings

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORKER_PATIENCE = 45.0  # a training writes its checkpoint within 30 s
CHECK_SECONDS = 1.0  # between two looks at the embedded database
PORT_PATIENCE = 30.0  # seconds that the processes of a killed `up` may take to end


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


class DatabaseWatch:
    """Starts the embedded database again when its server is gone, beside the loop that watches the children:
    a recovery can take minutes, and Ctrl-C works meanwhile."""

    def __init__(self) -> None:
        is_embedded = is_embedded_url(settings().database_url)
        self._embedded = Embedded(settings().home / "postgres") if is_embedded else None
        self._check_at = 0.0
        self._restart: threading.Thread | None = None
        self._lines: list[str] = []

    def restart_if_down(self) -> list[str]:
        """Check, and start it in the background if it is down. Returns messages to print."""
        lines, self._lines = self._lines, []
        if self._embedded is None or time.monotonic() < self._check_at or self.is_restarting():
            return lines
        self._check_at = time.monotonic() + CHECK_SECONDS
        if self._embedded.status().running:
            return lines
        self._restart = threading.Thread(target=self._start, args=(self._embedded,), daemon=True)
        self._restart.start()
        return [*lines, "The database ended; it starts again"]

    def is_restarting(self) -> bool:
        return self._restart is not None and self._restart.is_alive()

    def stop(self) -> None:
        """Give up the claim on the server that a restart made."""
        if self._restart is not None:
            self._restart.join()
        if self._embedded is not None:
            self._embedded.stop()

    def _start(self, embedded: Embedded) -> None:
        try:
            embedded.start()
            self._lines.append("The database is up again")
        except DomainError as error:
            self._lines.append(f"The database did not start: {error.message} {error.remedy}")
            self._check_at = time.monotonic() + 5 * CHECK_SECONDS


def up(host: str | None = None, port: int | None = None, *, worker: bool = True) -> None:
    """Run everything until Ctrl-C or SIGTERM."""
    host, port = host or settings().host, settings().port if port is None else port
    wait_for_port(host, port)
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
    database = DatabaseWatch()
    try:
        with until_ended() as ending:
            announced = False
            while not ending.asked:
                down = database.is_restarting()
                for line in [*database.restart_if_down(), *children.restart_due()]:
                    typer.secho(line, fg="yellow", err=True)
                if down and not database.is_restarting():
                    children.retry_now()
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
        database.stop()


def wait_for_port(host: str, port: int) -> None:
    """Wait for a port that the processes of a killed `up` still hold: they end by themselves. Any other
    holder is an error at once."""
    until, announced = time.monotonic() + PORT_PATIENCE, False
    while (error := find_bind_error(host, port)) is not None:
        if time.monotonic() > until or not is_held_by_orphan(port):
            raise DomainError(
                f"Stepmark cannot listen on {host}, port {port}: {error.strerror}.",
                remedy="Stop the program that uses the port, or choose another with --port "
                "(or STEPMARK_PORT).",
            ) from error
        if not announced:
            announced = True
            typer.secho("Waiting for the processes of a killed Stepmark to end…", fg="yellow", err=True)
        time.sleep(0.2)


def find_bind_error(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def is_held_by_orphan(port: int) -> bool:
    """Is the port held by a web process of Stepmark whose `up` is gone?"""
    for process in psutil.process_iter():
        try:
            if "app.main:app" not in process.cmdline() or process.username() != psutil.Process().username():
                continue
            listens = any(
                link.laddr.port == port and link.status == psutil.CONN_LISTEN
                for link in process.net_connections("tcp")
            )
            parent = process.parent()
            if listens and (parent is None or "up" not in parent.cmdline()):
                return True
        except psutil.Error:
            continue
    return False


def print_address(host: str, port: int, logins: list[tuple[str, str]]) -> None:
    typer.echo("")
    typer.secho(f"  Stepmark is at {web_url(host, port)}", bold=True)
    for email, password in logins:
        typer.echo(f"    sign in as {email}   password {password}")
    typer.echo("  Press Ctrl-C to stop.\n")
