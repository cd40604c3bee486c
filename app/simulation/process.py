"""The process that plays a simulation's fast form: `python -m app.simulation.process RUN_ID FENCE`."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.db import transaction
from app.core.run_lifecycle import record_failure, record_success
from app.core.subprocess_jobs import STOPPED
from app.prm.train import NoLabeledExamples
from app.simulation import recorder, runs
from app.simulation.models import Simulation
from app.simulation.request import Asked, setting_of
from app.simulation.run import AnotherSetting, play


def main(run_id: int, fence: int) -> int:
    """0 when it is over, 2 when it cannot be or is not wanted any more, 3 when asked to end."""
    with transaction() as db:
        run = db.get_one(Simulation, run_id)
        setting = setting_of({**run.setting, "seed": run.seeds[0]})
        asked = Asked(setting, tuple(run.policies), tuple(run.seeds))
    folder = runs.folder(run_id)
    try:
        with alone(folder):
            simulate(run_id, fence, asked, folder)
    except recorder.Ended:
        return 2
    except AnotherSetting as error:
        return refused(run_id, fence, f"{error}. Start it anew.")
    except NoLabeledExamples:
        return refused(
            run_id,
            fence,
            "There was nothing to learn: no labeled solution has a step that a model can read. The writer "
            "may have read too little to come to answers: give it more reading_steps, or label more first.",
        )
    shutil.rmtree(folder, ignore_errors=True)  # all that is shown is in its rows
    return 0


def refused(run_id: int, fence: int, reason: str) -> int:
    """It would end the same way again."""
    with transaction() as db:
        record_failure(db, run_id, fence, reason, final=True)
    return 2


def simulate(run_id: int, fence: int, asked: Asked, folder: Path) -> None:
    settings = asked.settings()
    tell = recorder.Keeper(run_id, fence, recorder.total(settings, asked.policies))
    folders = []
    for setting in settings:
        folders.append(folder / f"seed-{setting.seed}")
        tell.go_on(setting.seed, folders[-1])
        play(setting, asked.policies, folders[-1], tell)
        tell({"phase": "summing up"})
    found = recorder.results(folders, asked.policies)
    with transaction() as db:
        record_success(db, run_id, fence, found)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process plays in a folder, whatever its worker thinks became of the other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # drafts of folders are taken away
    os.nice(10)
    code = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
