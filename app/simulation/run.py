"""A simulation in a folder: datasets, baselines, the run of every policy and the summary. It continues
after an interruption; a folder belongs to one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from app.common.atomic_files import write_json
from app.simulation.baselines import prepare_baselines
from app.simulation.config import SimulationConfig
from app.simulation.datasets import Report, prepare_datasets
from app.simulation.policy_run import PolicyRun
from app.simulation.summary import summarize


class OtherConfigError(ValueError):
    """The folder holds a simulation with another configuration."""


def simulate(
    configs: Sequence[SimulationConfig], policies: Sequence[str], out: Path, report: Report
) -> dict[str, Any]:
    """Configurations that differ by seed. A single one runs in `out` itself, several run in folders of their
    own. Returns the summary, which is also stored as result.json."""
    folders = seed_folders(configs, out)
    for config, folder in zip(configs, folders, strict=True):
        simulate_seed(config, policies, folder, report)
    summary = summarize(folders, policies)
    write_json(out / "result.json", summary)
    return summary


def simulate_seed(config: SimulationConfig, policies: Sequence[str], folder: Path, report: Report) -> None:
    claim_folder(config, folder)
    datasets = prepare_datasets(config, folder, report)
    prepare_baselines(config, datasets, folder, report)
    for policy in policies:
        PolicyRun(config, policy, datasets, folder, report).run()


def seed_folders(configs: Sequence[SimulationConfig], out: Path) -> list[Path]:
    return [out] if len(configs) == 1 else [out / f"seed-{config.seed}" for config in configs]


def claim_folder(config: SimulationConfig, folder: Path) -> None:
    """Stores the configuration. Raises OtherConfigError if the folder has another one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    if path.is_file() and orjson.loads(path.read_bytes()) != config.to_json():
        raise OtherConfigError(f"{folder} holds a simulation with another configuration")
    write_json(path, config.to_json())
