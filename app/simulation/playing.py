"""A whole simulation in a folder: material, what needs no labels, the arms, the summary. Killed and
started again it goes on; the folder's setting is checked, so that no two are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from app.prm.files import write_json
from app.simulation import arms, references, summary
from app.simulation.material import Report, prepare
from app.simulation.setting import Setting


class AnotherSetting(ValueError):
    """The folder holds a simulation that was told something else."""


def play(setting: Setting, policies: Sequence[str], folder: Path, report: Report) -> dict[str, Any]:
    """Every policy in turn; the summary, which is also `result.json` with its figures beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "setting.json"
    if kept.is_file() and orjson.loads(kept.read_bytes()) != setting.as_json():
        raise AnotherSetting(f"{folder} holds a simulation with another setting")
    write_json(kept, setting.as_json())
    material = prepare(setting, folder, report)
    references.made(setting, material, folder, report)
    for policy in policies:
        arms.run(setting, policy, material, folder, report)
    found = summary.of([folder], policies)
    write_json(folder / "result.json", found)
    summary.draw(found, folder)
    return found
