"""A watcher beside each owner: when the owner is gone, killed even, it stops what nobody needs.

It reads a pipe whose other end only the owner holds. The pipe closing is the owner's
end, however that came. Then it sweeps: the last owner's server stops."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

WATCHER = "app.core.embedded.lease_watcher"
DISMISS = b"d"


class LeaseGuard:
    """Held by an owner. `dismiss` ends the watcher when the owner has left by itself."""

    def __init__(self, home: Path, lease: Path) -> None:
        ours, self._end = os.pipe()  # neither end is inherited by other children
        root = Path(__file__).parent.parent.parent.parent
        self._process = subprocess.Popen(
            [sys.executable, "-m", WATCHER, str(home.resolve()), str(lease)],
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
