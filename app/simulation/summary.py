"""From the stored results of policies to curves: best-of-N by policy and budget, baselines, and label
efficiency, with intervals over seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.common.array_statistics import Floats
from app.simulation.config import SimulationConfig
from app.simulation.label_efficiency import Pair, Resamples, label_efficiency
from app.simulation.policies import BASELINE
from app.simulation.policy_run import load_results


def summarize(folders: Sequence[Path], policies: Sequence[str], test: str = "plain") -> dict[str, Any]:
    """`folders` are simulations of one world that differ by seed. Values are best-of-N at the largest N,
    except for curves by N."""
    config = load_config(folders[0])
    curves = {policy: [load_curves(folder, policy, test) for folder in folders] for policy in policies}
    resamples = Resamples([len(rows) for rows in curves[policies[0]]])
    baselines = [orjson.loads((folder / "baselines.json").read_bytes())[test] for folder in folders]
    summary: dict[str, Any] = {
        "world": config.world,
        "test": test,
        "seeds": len(folders),
        "budgets": config.counts,
        "n": [2**place for place in range(len(baselines[0]["oracle"][0]))],
        "policies": {
            policy: {
                "by_budget": resamples.interval([rows[:, : len(config.counts), -1] for rows in values]),
                "by_n": resamples.interval([rows[:, len(config.counts) - 1, :] for rows in values]),
            }
            for policy, values in curves.items()
        },
        "baselines": {
            name: resamples.interval([np.array(seed[name]) for seed in baselines]) for name in baselines[0]
        },
    }
    if BASELINE in curves:
        random = largest_n(curves[BASELINE])
        summary["label_efficiency"] = {
            policy: label_efficiency([Pair(random, largest_n(values), config.random_counts, resamples)])
            for policy, values in curves.items()
            if policy != BASELINE
        }
        if config.random_extra_budgets:
            summary["random_extra"] = {"budgets": config.random_counts, **resamples.interval(random)}
    return summary


def load_config(folder: Path) -> SimulationConfig:
    return SimulationConfig.parse(orjson.loads((folder / "config.json").read_bytes()))


def load_curves(folder: Path, policy: str, test: str) -> Floats:
    """Best-of-N, [problems, budgets, n]."""
    results = [result["tests"][test]["best_of"] for result in load_results(folder, policy)]
    return np.array(results).transpose(1, 0, 2)


def largest_n(values: Sequence[Floats]) -> list[Floats]:
    return [rows[:, :, -1] for rows in values]
