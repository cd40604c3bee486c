"""The bench of policies: tables over worlds, SVG curves and labels of a large PRM."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.simulation import recorder, request
from app.simulation.config import SimulationConfig
from app.simulation.datasets import prepare_datasets
from app.simulation.pool import Pool
from app.simulation.summary import summarize
from app.world.kinds.base import up_to_first_error
from bench import large_prm_labels, policy_curves, policy_tables
from tests.factories.simulation import CONFIG, write_results
from tests.simulation.conftest import TINY

POLICIES = ("random", "lightman_80_20_gated")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "main-lineage-0"
    options = {"config": CONFIG, "policies": list(POLICIES)}
    write_results(folder, request.parse_request(options), seed=0, gain=0.1)
    return folder


def test_one_world_has_the_label_efficiency_of_its_summary(folder: Path) -> None:
    summary = summarize([folder], POLICIES)
    efficiencies = policy_tables.efficiency_over_worlds([[folder]], POLICIES[1:])
    assert efficiencies == summary["label_efficiency"]
    assert (efficiencies["lightman_80_20_gated"]["ratio"] or 0) > 1
    (line,) = list(policy_tables.world_table(efficiencies, ["lineage (1)"]))[2:]
    assert line.startswith("| lightman_80_20_gated | ")
    assert policy_tables.find_complete_folders(folder.parent, "main", "lineage", POLICIES) == [folder]
    assert not policy_tables.find_complete_folders(folder.parent, "main", "lineage", ["uncertain_steps"])


def test_step_accuracies_are_those_of_the_results(folder: Path) -> None:
    accuracies = policy_tables.step_accuracies([folder], POLICIES)
    assert accuracies["random"]["mean"] == pytest.approx([0.7, 0.8, 0.9])
    assert accuracies["random"]["ratios"] == [1.0]
    assert accuracies["lightman_80_20_gated"]["ratios"][0] > 1
    table = list(policy_tables.step_table(summarize([folder], POLICIES), accuracies))
    assert table[2].startswith("| random | 70.0 | 80.0 | 90.0 | 1.00 |")


def test_curves_are_drawn_with_text_and_without_scripts(folder: Path) -> None:
    summary = recorder.summarize_tests([folder], POLICIES)["plain"]
    policy_curves.draw_curves(summary | {"world": "a < b"}, folder)
    labels, by_n = ((folder / name).read_text() for name in ("labels.svg", "best-of-n.svg"))
    assert "a &lt; b: best of 16 by labeled solutions" in labels
    last = 100 * summary["policies"]["random"]["by_budget"]["mean"][-1]
    assert f"random: {last:.0f}%" in labels
    assert "majority vote" in by_n
    assert "<script" not in labels + by_n


def test_a_large_prm_labels_in_the_place_of_the_world_and_trains_an_orm(
    tmp_path: Path, prepared: Path
) -> None:
    folder = tmp_path / "synthetic"
    shutil.copytree(prepared, folder)
    config = SimulationConfig.parse({**TINY, "budgets": ["4"]})

    large_prm_labels.simulate_with_large_prm(config, 12, ["random"], folder, lambda _: None)

    baselines = summarize([folder], ["random"])["baselines"]
    orm, by_teacher = (baselines[name]["mean"] for name in ("orm", "orm_by_teacher"))
    assert len(by_teacher) == len(orm) == 3
    assert by_teacher[0] == orm[0], "a single sample leaves no choice"
    datasets = prepare_datasets(config, folder, lambda _: None)
    exact = Pool(config.replace(label_noise=0.0), datasets.pool)
    labeler = large_prm_labels.train_labeler(config, 12, datasets, folder, lambda _: None)
    pool = Pool(config, datasets.pool, labeler)
    targets = [pool.label(solution).targets for solution in pool.texts]
    assert targets != [exact.label(solution).targets for solution in exact.texts], (
        "twelve labels teach little"
    )
    for solution, ratings in enumerate(targets):
        problem, steps = pool.rows[solution]
        assert ratings == up_to_first_error(list(labeler(pool.sampled[problem], steps)))
