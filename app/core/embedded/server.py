"""The supervisor starts, finds and stops one PostgreSQL server. The server runs while a process needs it."""

from __future__ import annotations

import contextlib
import fcntl
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.core.embedded import binaries, config, lease_holders, os_user, paths, processes
from app.core.embedded.errors import DatabaseError
from app.core.embedded.guard import LeaseGuard
from app.core.embedded.server_url import DATABASE, database_url
from app.core.embedded.startup_errors import log_tail, require_disk_space, startup_error

RECOVERY = 3600  # seconds a start may take; a crash recovery replays at most max_wal_size


def print_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Status:
    running: bool
    url: str
    data: Path
    log: Path
    pid: int | None
    owners: int


class Embedded:
    """One database under `home`. `start` and `stop` may be called by many processes at once:
    the first starts the server, the others join it, the last one out stops it."""

    def __init__(self, home: Path, say: Callable[[str], None] = print_to_stderr) -> None:
        self.home = home
        self.say = say
        self._lease: Path | None = None
        self._guard: LeaseGuard | None = None

    def start(self) -> str:
        """The URL of a database that responds. Reports progress if the start takes long."""
        with self._alone() as (where, who):
            if self._lease is None:
                self._lease = lease_holders.add_holder(where.owners)
                self._guard = LeaseGuard(self.home, self._lease)
            try:
                if processes.find_postmaster(where.data) is None:
                    self._bring_up(where, who)
                self._make_database(where)
            except BaseException:
                self._leave(where)
                raise
            return database_url(where.sockets)

    def stop(self) -> None:
        """Release the server; it stops when no other process needs it. May be called twice."""
        if self._lease is None:
            return
        with self._alone() as (where, _):
            self._leave(where)

    def sweep(self) -> None:
        """Stop the server if all owners are gone, for example killed."""
        with self._alone() as (where, _):
            stop_unleased(where)

    def status(self) -> Status:
        where = paths.find_paths(self.home, os_user.choose_account(self._real_data()))
        server = processes.find_postmaster(where.data)
        return Status(
            running=server is not None,
            url=database_url(where.sockets),
            data=where.data,
            log=where.log,
            pid=server.pid if server else None,
            owners=len(lease_holders.list_holders(where.owners)),
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[tuple[paths.DatabasePaths, os_user.Account]]:
        """Lock the home folder, so that one process starts or stops the server at a time."""
        try:
            who = os_user.choose_account(self._real_data())
            where = paths.find_paths(self.home, who)
            lock = (where.home / "lock").open("a")
        except OSError as error:
            raise DatabaseError(
                f"The database's folder {self.home} cannot be used: {error.strerror}.",
                remedy="Run Stepmark as its owner, or set STEPMARK_HOME to a folder of your own.",
            ) from error
        with lock:
            for waited in range(RECOVERY * 10):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if waited and waited % 50 == 0:
                        self.say(f"Waiting for another Stepmark to start or stop it ({waited // 10} s)")
                    time.sleep(0.1)
            yield where, who

    def _real_data(self) -> Path:
        note = self.home / "elsewhere"
        return Path(note.read_text().strip()) / "data" if note.exists() else self.home / "data"

    def _leave(self, where: paths.DatabasePaths) -> None:
        if self._lease is not None:
            self._lease.unlink(missing_ok=True)
            self._lease = None
        stop_unleased(where)
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def _bring_up(self, where: paths.DatabasePaths, who: os_user.Account) -> None:
        if where.home != self.home.resolve():
            self.say(f"{self.home} is closed to the user {who.name}: the database is kept in {where.home}")
        require_disk_space(where.home)
        version, install = binaries.install_for(where.data)
        programs = binaries.runnable(install, who, where.home)
        for folder in (where.log.parent, where.sockets):
            who.own(folder)
        if not where.data.is_dir():
            self._initialise(where, who, programs, version)
        processes.remove_stale_files(where.data, where.sockets)
        main = config.write_config(where.home / "server", where.sockets, {who.name, "root"})
        if where.log.exists() and where.log.stat().st_size > 10 * 2**20:
            where.log.replace(where.log.with_suffix(".log.1"))
        self._pg_ctl(where, who, programs, main)

    def _initialise(
        self, where: paths.DatabasePaths, who: os_user.Account, programs: Path, version: int
    ) -> None:
        """A new data folder, whole or not at all: made under another name, then renamed."""
        self.say(f"Making a database in {where.home}")
        box = where.home / "new"
        shutil.rmtree(box, ignore_errors=True)
        who.own(box)
        command = [str(programs / "initdb"), "-D", str(box / "data")]
        command += ["-U", config.ROLE, "-A", "peer", "-E", "UTF8"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += locale if version >= 17 else ["--locale=C"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, **who.popen())
        if done.returncode != 0:
            shutil.rmtree(box, ignore_errors=True)
            raise startup_error("PostgreSQL could not make its data folder", done.stderr, where)
        (box / "data").rename(where.data)
        box.rmdir()

    def _pg_ctl(self, where: paths.DatabasePaths, who: os_user.Account, programs: Path, main: Path) -> None:
        begin = where.log.stat().st_size if where.log.exists() else 0
        options = f"-c config_file={shlex.quote(str(main))}"
        command = [str(programs / "pg_ctl"), "start", "-w", "-t", str(RECOVERY)]
        command += ["-D", str(where.data), "-l", str(where.log)]
        with tempfile.TemporaryFile("w+") as output:
            starter = subprocess.Popen([*command, "-o", options], stdout=output, stderr=output, **who.popen())
            since = time.monotonic()
            while True:
                try:
                    code = starter.wait(timeout=5)
                    break
                except subprocess.TimeoutExpired:
                    passed = int(time.monotonic() - since)
                    self.say(f"The database recovers; this can take minutes ({passed} s). Log: {where.log}")
            if code != 0:
                output.seek(0)
                raise startup_error(
                    "PostgreSQL did not start", output.read() + log_tail(where.log, begin), where
                )

    def _make_database(self, where: paths.DatabasePaths) -> None:
        try:
            with psycopg.connect(
                database_url(where.sockets, "postgres"), autocommit=True, connect_timeout=60
            ) as admin:
                exists = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if exists is None:
                    admin.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            raise startup_error(
                "The database runs but does not answer", str(error) + log_tail(where.log), where
            ) from error


def stop_unleased(where: paths.DatabasePaths) -> None:
    """Stop the server if no process needs it. Requires the lock, and only stops a process that is certainly
    ours."""
    if lease_holders.list_holders(where.owners):
        return
    server = processes.find_postmaster(where.data)
    if server is not None:
        left = processes.stop_processes([server], signal.SIGINT, 60)  # fast: roll back, checkpoint, exit
        left = processes.stop_processes(left, signal.SIGQUIT, 20)  # immediate: recovers at the next start
        processes.stop_processes(left, signal.SIGKILL, 10)
    processes.remove_stale_files(where.data, where.sockets)
    if where.sockets.parent != where.home:
        with contextlib.suppress(OSError):
            where.sockets.rmdir()
