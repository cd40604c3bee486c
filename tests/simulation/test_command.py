"""`stepmark simulate`: what it refuses, and several seeds."""

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


def command(out: Path, *words: str) -> str:
    config = out.with_name("config.json")
    config.write_text(json.dumps(TINY))
    line = ["simulate", "--out", str(out), "--config", str(config), *words]
    done = CliRunner().invoke(cli, line, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output)


def test_several_seeds_each_in_a_folder_and_figures_over_all(tmp_path: Path, material: Path) -> None:
    out = tmp_path / "out"
    for seed in (2, 5):
        shutil.copytree(material, out / f"seed-{seed}")

    said = command(
        out, "--policy", "random", "--policy", "lightman_80_20_gated", "--seed", "2", "--seed", "5"
    )

    found = json.loads((out / "result.json").read_text())
    assert found["seeds"] == 2
    worth = r"label by lightman_80_20_gated is worth (\d|cannot be told)"
    assert re.search(worth, said)
    assert json.loads((out / "seed-5" / "setting.json").read_text())["seed"] == 5
    assert (out / "labels.svg").is_file()
    assert (out / "seed-2" / "arms" / "lightman_80_20_gated" / "7.json").is_file()
    with pytest.raises(Invalid, match="another setting"):
        command(out / "seed-2", "--seed", "7")


def test_a_folder_belongs_to_one_form(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "simulation.json").write_text("{}")
    (tmp_path / "fast").mkdir()
    (tmp_path / "fast" / "setting.json").write_text("{}")
    with pytest.raises(Invalid, match="simulation of the full form"):
        command(tmp_path / "full")
    with pytest.raises(Invalid, match="simulation of the fast form"):
        command(tmp_path / "fast", "--full", "--policy", "random")


def test_a_policy_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Unknown policy 'luck'"):
        command(tmp_path / "out", "--policy", "luck")
