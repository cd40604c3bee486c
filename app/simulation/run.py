"""A whole simulation in a folder: material, what needs no labels, the arms, the summary. Killed and
started again it goes on; the folder's setting is checked, so that no two are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from app.common.atomic_files import write_json
from app.simulation import baselines, policy_run, summary
from app.simulation.config import Setting
from app.simulation.datasets import Report, prepare


class AnotherSetting(ValueError):
    """The folder holds a simulation that was told something else."""


def play(setting: Setting, policies: Sequence[str], folder: Path, report: Report) -> dict[str, Any]:
    """Every policy in turn; the summary, which is also `result.json` with its figures beside it."""
    kept_setting(setting, folder)
    material = prepare(setting, folder, report)
    baselines.made(setting, material, folder, report)
    for policy in policies:
        policy_run.run(setting, policy, material, folder, report)
    return summed_up([folder], policies, folder)


def several(
    settings: Sequence[Setting], policies: Sequence[str], out: Path, report: Report
) -> dict[str, Any]:
    """Settings that differ by seed. One is played in `out` itself, several each in a folder there."""
    folders = folders_of(settings, out)
    for setting, folder in zip(settings, folders, strict=True):
        play(setting, policies, folder, report)
    return summed_up(folders, policies, out)


def folders_of(settings: Sequence[Setting], out: Path) -> list[Path]:
    return [out] if len(settings) == 1 else [out / f"seed-{setting.seed}" for setting in settings]


def kept_setting(setting: Setting, folder: Path) -> None:
    """In the folder, so that no two simulations are mixed there."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "setting.json"
    if kept.is_file() and orjson.loads(kept.read_bytes()) != setting.to_json():
        raise AnotherSetting(f"{folder} holds a simulation with another setting")
    write_json(kept, setting.to_json())


def summed_up(folders: Sequence[Path], policies: Sequence[str], out: Path) -> dict[str, Any]:
    found = summary.of(folders, policies)
    write_json(out / "result.json", found)
    summary.draw(found, out)
    return found
