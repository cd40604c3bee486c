"""The process of a LeaseGuard. It outlives the owner of a lease, releases the lease and stops an unused
server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.core.embedded.guard import DISMISS
from app.core.embedded.server import Embedded


def watch_lease(home: Path, lease: Path) -> None:
    """Waits on standard input, a pipe that only the owner holds."""
    if os.read(0, 1) == DISMISS:
        return
    lease.unlink(missing_ok=True)
    Embedded(home).sweep()


if __name__ == "__main__":
    watch_lease(Path(sys.argv[1]), Path(sys.argv[2]))
