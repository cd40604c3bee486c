"""`stepmark simulate`: several seeds, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.core.errors import Invalid
from tests.simulation.conftest import TINY


def run_command(out: Path, *arguments: str) -> str:
    config = out.with_name("config.json")
    config.write_text(json.dumps(TINY))
    line = ["simulate", "--out", str(out), "--config", str(config), *arguments]
    result = CliRunner().invoke(cli, line, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_every_seed_has_a_folder_and_the_summary_covers_all(tmp_path: Path, prepared: Path) -> None:
    out = tmp_path / "out"
    for seed in (2, 5):
        shutil.copytree(prepared, out / f"seed-{seed}")

    output = run_command(
        out, "--policy", "random", "--policy", "lightman_80_20_gated", "--seed", "2", "--seed", "5"
    )

    summary = json.loads((out / "result.json").read_text())
    assert summary["seeds"] == 2
    assert re.search(r"Label efficiency of lightman_80_20_gated: (\d|cannot be computed)", output)
    assert json.loads((out / "seed-5" / "config.json").read_text())["seed"] == 5
    assert (out / "seed-2" / "policies" / "lightman_80_20_gated" / "7.json").is_file()
    with pytest.raises(Invalid, match="another configuration"):
        run_command(out / "seed-2", "--seed", "7")


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Unknown policy 'luck'"):
        run_command(tmp_path / "out", "--policy", "luck")


def test_former_options_are_read_and_unknown_ones_refused(tmp_path: Path) -> None:
    from app.simulation.config import SimulationConfig

    assert SimulationConfig.parse({"noise": 0.1, "first": 7}) == SimulationConfig.parse(
        {"label_noise": 0.1, "initial_labels": 7}
    )
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"teacher_solutions": 5}))
    with pytest.raises(Invalid, match="unknown option 'teacher_solutions'"):
        CliRunner().invoke(
            cli,
            ["simulate", "--out", str(tmp_path / "out"), "--config", str(config)],
            catch_exceptions=False,
        )
