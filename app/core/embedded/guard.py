"""A watcher beside each owner: when the owner is gone, killed even, it stops what nobody needs.

It reads a pipe whose other end only the owner holds. The pipe closing is the owner's
end, however that came. Then it sweeps: the last owner's server stops."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

WATCH = "from app.core.embedded.guard import watch_lease; watch_lease()"
DISMISS = b"d"


class LeaseGuard:
    """Held by an owner. `dismiss` ends the watcher when the owner has left by itself."""

    def __init__(self, home: Path, lease: Path) -> None:
        ours, self._end = os.pipe()  # neither end is inherited by other children
        root = Path(__file__).parent.parent.parent.parent
        self._process = subprocess.Popen(
            [sys.executable, "-c", WATCH, str(home.resolve()), str(lease)],
            stdin=ours,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=root,
            start_new_session=True,
        )
        os.close(ours)

    def dismiss(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._end, DISMISS)
        os.close(self._end)
        self._process.wait()


def watch_lease() -> None:
    home, lease = Path(sys.argv[1]), Path(sys.argv[2])
    if os.read(0, 1) == DISMISS:
        return
    from app.core.embedded.server import Embedded

    lease.unlink(missing_ok=True)
    Embedded(home).sweep()
