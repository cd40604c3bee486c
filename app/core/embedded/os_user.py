"""Which operating-system user the server runs as.

Postgres refuses to run as root, so root lends the server to a user that exists
already. No permission of a folder that is not ours is ever changed: what that user
cannot reach is copied, or kept elsewhere, and said aloud."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.embedded.errors import OWN_DATABASE, DatabaseError

CANDIDATES = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user to run Postgres as; `switch` when it is not who we are."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(self) -> dict[str, Any]:
        """Keywords for subprocess: become this user, keep nothing of our environment."""
        plain = {
            "env": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"},
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
        }
        if self.switch:
            plain |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return plain

    def can_enter(self, folder: Path) -> bool:
        """May this user walk into `folder`? Asked of the system, not guessed from mode bits."""
        return self._test("-x", folder)

    def can_run(self, program: Path) -> bool:
        try:
            done = subprocess.run([program, "--version"], capture_output=True, timeout=60, **self.popen())
        except OSError:
            return False
        return done.returncode == 0

    def own(self, folder: Path) -> Path:
        """`folder`, made private to this user. Only ever called for folders we make."""
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            if self.switch:
                os.chown(folder, self.uid, self.gid)
        return folder

    def _test(self, question: str, path: Path) -> bool:
        try:
            result = ["/bin/sh", "-c", f'test {question} "$1"', "sh", str(path)]
            return subprocess.run(result, timeout=60, **self.popen()).returncode == 0
        except subprocess.SubprocessError as error:
            raise DatabaseError(
                f"The database cannot run as root, and becoming the user {self.name} failed: {error}",
                remedy=f"Run Stepmark as a normal user, {OWN_DATABASE}.",
            ) from error


def choose_account(data: Path) -> Account:
    """Who runs the server: ourselves, or, when we are root, the owner of the data or a system user."""
    me = os.geteuid()
    if me != 0:
        return _account(me, switch=False)
    if data.is_dir() and data.stat().st_uid != 0:
        return _account(data.stat().st_uid, switch=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise DatabaseError(
        f"PostgreSQL does not run as root, and none of the users {', '.join(CANDIDATES)} exists.",
        remedy=f"Run Stepmark as a normal user, {OWN_DATABASE}.",
    )


def _account(uid: int, *, switch: bool) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise DatabaseError(
            f"The user with the number {uid} has no name on this machine, and PostgreSQL asks for one.",
            remedy=f"Add the user to /etc/passwd, {OWN_DATABASE}.",
        ) from error
    return Account(entry.pw_name, uid, entry.pw_gid, switch)
