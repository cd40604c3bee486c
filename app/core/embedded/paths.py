"""Where one embedded database keeps its files.

    home/lock, home/owners/   who may start and stop it, who needs it
    home/server/              the settings, written at each start
    home/data, log, socket    the server's own, private to its user

When we are root and the server's user cannot reach `home`, the same folders stand in
/var/lib/stepmark-postgres instead; home/elsewhere remembers where."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from app.core.embedded.config import PORT
from app.core.embedded.errors import DatabaseError
from app.core.embedded.os_user import Account

FALLBACK_FOLDER = Path("/var/lib/stepmark-postgres")
MAX_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux and 104 on macOS


@dataclass(frozen=True)
class DatabasePaths:
    home: Path
    sockets: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def owners(self) -> Path:
        return self.home / "owners"

    @property
    def log(self) -> Path:
        return self.home / "log" / "postgres.log"


def find_paths(home: Path, account: Account) -> DatabasePaths:
    """The place for `home`; made if it is new."""
    home.mkdir(parents=True, exist_ok=True)
    home = home.resolve()
    note = home / "elsewhere"
    if note.exists():
        home = Path(note.read_text().strip())
    elif not account.can_enter(home):
        if (home / "data").is_dir():
            raise DatabaseError(
                f"The user {account.name} can no longer reach the database's data in {home}.",
                remedy=f"Let it enter the folders above (`namei -l {home}` shows which one is closed).",
            )
        chosen = FALLBACK_FOLDER / hashlib.sha256(str(home).encode()).hexdigest()[:12]
        note.write_text(f"{chosen}\n")
        home = chosen
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    return DatabasePaths(home, _sockets(home, account))


def _sockets(home: Path, account: Account) -> Path:
    """home/socket, or a short folder when that path is too long for a socket."""
    near = home / "socket"
    if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= MAX_SOCKET_PATH:
        return near
    short = Path("/tmp") / f"stepmark-{account.uid}-{hashlib.sha256(str(home).encode()).hexdigest()[:10]}"  # noqa: S108 - checked below
    account.own(short)
    status = short.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or status.st_mode & 0o077:
        raise DatabaseError(
            f"{short} should be a private folder of {account.name}, and is not.",
            remedy="Somebody else made it. Remove it, or set STEPMARK_HOME to a shorter path.",
        )
    return short
