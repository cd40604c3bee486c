"""Why the server did not start: its log, in the user's terms."""

from __future__ import annotations

from pathlib import Path

import psutil

from app.core.embedded import paths
from app.core.embedded.errors import DatabaseError

MIN_FREE_BYTES = 200 * 2**20  # bytes


def log_tail(log: Path, begin: int | None = None) -> str:
    """The end of the log, from byte `begin` on if that is given."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(begin or 0, size - 2000))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def startup_error(what: str, output: str, where: paths.DatabasePaths) -> DatabaseError:
    last = "\n".join(output.strip().splitlines()[-8:])
    if "No space left on device" in output:
        return DatabaseError(
            f"{what}: the disk that holds {where.home} is full.", remedy="Free some space, then start again."
        )
    return DatabaseError(f"{what}:\n{last}", remedy=f"The whole log is in {where.log}.")


def require_disk_space(home: Path) -> None:
    free = psutil.disk_usage(str(home)).free
    if free < MIN_FREE_BYTES:
        raise DatabaseError(
            f"The disk that holds {home} has {free // 2**20} MB left; "
            f"the database needs {MIN_FREE_BYTES // 2**20} MB to start.",
            remedy="Free some space, or set STEPMARK_HOME to a larger disk.",
        )
