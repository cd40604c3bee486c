"""A simulation from nothing to its summary, interrupted and continued, and its pure rules."""

from __future__ import annotations

import doctest
import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.common import array_statistics
from app.common.config import ConfigError
from app.selection.score_orders import ScoredSolution
from app.simulation import label_efficiency, plots, policy_ranking, rankings
from app.simulation.config import SimulationConfig
from app.simulation.datasets import prepare_datasets
from app.simulation.policies import POLICIES
from app.simulation.policy_run import load_results
from app.simulation.pool import Pool
from app.simulation.run import OtherConfigError, simulate
from app.world.kinds.base import final_answer

TINY = SimulationConfig.parse(
    {
        "writer_train_steps": 60,
        "temperature": 1.0,
        "layers": 1,
        "pool_problems": 16,
        "validation_problems": 4,
        "pool_samples": 4,
        "test_problems": 4,
        "shifted_problems": 4,
        "test_samples": 4,
        "initial_labels": 4,
        "budgets": ["4", "8"],
        "random_extra_budgets": ["12"],
        "epochs": 1.0,
    }
)


Finished = tuple[Path, dict[str, Any]]
POLICY_IDS = ("random", "lightman_80_20")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The folder and the summary of a simulation."""
    folder = tmp_path_factory.mktemp("simulation")
    return folder, simulate([TINY], POLICY_IDS, folder, lambda _: None)


def test_every_policy_has_every_budget(finished: Finished) -> None:
    folder, summary = finished

    for policy in POLICY_IDS:
        assert len(summary["policies"][policy]["by_budget"]["mean"]) == 2
    assert (summary["random_extra"]["budgets"], len(summary["random_extra"]["mean"])) == ([4, 8, 12], 3)
    assert summary["n"] == [1, 2, 4]
    at_last_budget = summary["policies"]["random"]["by_budget"]["mean"][-1]
    assert summary["policies"]["random"]["by_n"]["mean"][-1] == at_last_budget, "without extra budgets"
    assert set(summary["label_efficiency"]) == {"lightman_80_20"}
    assert json.loads((folder / "result.json").read_text()) == summary


def test_policies_start_alike_and_queue_no_duplicates_and_no_validation_problems(finished: Finished) -> None:
    folder, _ = finished
    datasets = prepare_datasets(TINY, folder, lambda _: None)
    pool = Pool(TINY, datasets.pool)
    results = {policy: load_results(folder, policy)[1] for policy in POLICY_IDS}

    for result in results.values():
        queued = result["queued"]
        assert 4 < len(queued) == len(set(queued)) <= 8
        assert queued[:4] == results["random"]["queued"][:4]
        duplicate_keys = {pool.unscored[solution].duplicate_key for solution in queued}
        assert len(duplicate_keys) == len(queued)
        assert all(pool.rows[solution][0] < 12 for solution in queued)
    assert results["random"]["selector"] is None
    assert results["lightman_80_20"]["selector"]["verdict"] in ("passed", "failed")


def test_an_interrupted_simulation_ends_with_the_same_summary(finished: Finished, tmp_path: Path) -> None:
    folder, summary = finished
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "policies" / "lightman_80_20" / "8.json").unlink()
    shutil.rmtree(copy / "models")
    phases: list[str] = []

    continued = simulate([TINY], POLICY_IDS, copy, lambda progress: phases.append(progress["phase"]))

    assert continued == summary
    assert not any("random" in phase or "sampling" in phase or "reading" in phase for phase in phases)


def test_a_folder_of_another_configuration_is_refused(finished: Finished) -> None:
    folder, _ = finished

    with pytest.raises(OtherConfigError):
        simulate([TINY.replace(seed=5)], ["random"], folder, lambda _: None)


def test_labels_stop_at_the_first_error_and_noise_changes_some(finished: Finished) -> None:
    folder, _ = finished
    datasets = prepare_datasets(TINY, folder, lambda _: None)
    plain = Pool(TINY, datasets.pool)
    noisy = Pool(TINY.replace(label_noise=0.3), datasets.pool)

    labels = [plain.label(solution).targets for solution in range(len(plain.rows))]

    assert all(-1 not in targets[:-1] for targets in labels)
    assert labels != [noisy.label(solution).targets for solution in range(len(plain.rows))]


def test_wrong_references_change_verdicts(finished: Finished) -> None:
    folder, _ = finished
    plain, changed = (
        prepare_datasets(config, folder, lambda _: None)
        for config in (TINY, TINY.replace(wrong_references=0.5))
    )

    differences = sum(a.reference != b.reference for a, b in zip(plain.pool, changed.pool, strict=True))

    assert 3 <= differences <= 13
    assert plain.tests == changed.tests
    for item in changed.pool:
        for steps in item.samples:
            if (answer := final_answer(steps)) is not None:
                assert item.verdict(steps) == ("correct" if answer == item.reference else "incorrect")


def test_test_sets_share_no_problem_with_the_pool(finished: Finished) -> None:
    folder, _ = finished
    datasets = prepare_datasets(TINY, folder, lambda _: None)
    statements = {item.statement for item in datasets.pool}

    for test in datasets.tests.values():
        assert not statements & {item.statement for item in test}


@pytest.mark.parametrize(
    "options",
    [
        {"world": "atlantis"},
        {"budgets": ["9", "3"]},
        {"budgets": []},
        {"label_noise": 2.0},
        {"wrld": "chains"},
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SimulationConfig.parse(options)


def test_every_policy_has_a_label() -> None:
    assert all(policy.label and policy.id == name for name, policy in POLICIES.items())


def candidates(
    count: int = 60,
) -> tuple[list[ScoredSolution], dict[int, list[float]], dict[int, list[str]]]:
    chance = random.Random(0)  # noqa: S311
    right = {key: [chance.random() for _ in range(4)] for key in range(count)}
    solutions = [
        ScoredSolution(
            key, key // 6, bytes([key]), chance.choice(["correct", "incorrect"]), sum(map(math.log, steps))
        )
        for key, steps in right.items()
    ]
    texts = {key: [f"step {chance.randrange(9)}" for _ in range(4)] for key in range(count)}
    return solutions, right, texts


@pytest.mark.parametrize(
    "policy",
    [
        "random",
        "lightman_80_20_fixed",
        "uncertain_solution",
        "first_error_entropy",
        "hard_problems",
        "wrong_by_step",
        "uncertain_steps",
    ],
)
def test_a_policy_keeps_the_maximum_and_skips_queued_solutions(policy: str) -> None:
    solutions, right, texts = candidates()
    taken = solutions[:6]

    chosen = policy_ranking.select(policy, solutions, 20, 2, 0, right, texts, taken)

    assert len(chosen) == len(set(chosen)) == 18  # two of each of the nine problems left
    assert not set(chosen) & {solution.solution_id for solution in taken}
    assert chosen == policy_ranking.select(policy, solutions, 20, 2, 0, right, texts, taken)


def test_policies_of_wrong_answers_select_them_first() -> None:
    solutions, right, texts = candidates()

    for policy in ("first_error_entropy", "hard_problems", "wrong_by_step"):
        chosen = policy_ranking.select(policy, solutions, 8, 2, 0, right, texts)
        assert {solutions[key].verdict for key in chosen} == {"incorrect"}


def test_policies_by_step_select_a_second_solution_of_a_step_last() -> None:
    """Of twelve wrong answers, nine are suspected by one step, and they are the most convincing."""
    right = {key: [0.9, 0.6, 0.9] for key in range(12)}
    texts = {key: ["a", "the same" if key < 9 else f"b {key}", "c"] for key in range(12)}
    solutions = [ScoredSolution(key, key, bytes([key]), "incorrect", -0.1 * key) for key in range(12)]

    for policy in ("wrong_by_step", "uncertain_steps"):
        assert policy_ranking.select(policy, solutions, 6, 1, 0, right, texts) == [0, 9, 10, 11, 1, 2]


def test_the_entropy_of_the_first_error() -> None:
    """Of two equally likely places one bit, in nats; of a certain one nothing."""
    assert rankings.first_error_entropy([0.5, 0.0]) == pytest.approx(math.log(2))
    assert rankings.first_error_entropy([1.0, 0.0, 0.3]) == 0
    assert rankings.first_error_entropy([1.0, 1.0]) == pytest.approx(math.log(2))
    assert rankings.first_error_entropy([]) == 0


def test_label_efficiency_of_known_curves() -> None:
    """Three times, but for where both begin: half the way there, as logs of labels go."""
    budgets = [100, 300, 900, 2700]
    uniform, policy = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.1, 0.3, 0.4, 0.4])

    assert label_efficiency.label_ratio(uniform, uniform, budgets) == pytest.approx(1)
    assert label_efficiency.label_ratio(uniform, policy, budgets) == pytest.approx(3 ** (2 / 3), rel=0.05)
    assert label_efficiency.label_ratio(policy, uniform, budgets) == pytest.approx(
        1 / label_efficiency.label_ratio(uniform, policy, budgets)
    )
    assert label_efficiency.label_ratio(np.array([0.5, 0.4]), np.array([0.1, 0.2]), [1, 2]) is None
    assert label_efficiency.label_ratio(uniform, policy[:2], budgets) == pytest.approx(3**0.5, rel=0.05), (
        "it ends sooner"
    )
    examples = [doctest.testmod(module) for module in (label_efficiency, array_statistics)]
    assert [(example.failed, example.attempted) for example in examples] == [(0, 1), (0, 1)]


def test_curves_without_common_accuracy_have_no_ratio() -> None:
    resamples = label_efficiency.Resamples([2])
    falling = [np.array([[0.5, 0.4], [0.6, 0.5]])]
    pair = label_efficiency.Pair(falling, falling, [1, 2], resamples)
    assert label_efficiency.label_efficiency([pair]) == {
        "ratio": None,
        "low": None,
        "high": None,
    }
    (efficiency,) = plots.list_label_efficiency(
        {
            "plain": {
                "label_efficiency": {"lightman_80_20_fixed": {"ratio": None, "low": None, "high": None}},
                "policies": {"random": 1, "lightman_80_20_fixed": 2},
            }
        }
    )
    assert (efficiency.figure, efficiency.interval, efficiency.harms) == ("?", "", False)
    assert "cannot be compared" in efficiency.conclusion


def test_worlds_are_weighted_by_their_accuracy_range() -> None:
    assert label_efficiency.combine([(0.1, math.log(2)), None, (0.3, math.log(4))]) == pytest.approx(
        2 ** (7 / 4)
    )
    assert label_efficiency.combine([None]) is None
    uniform, policy = np.array([0.1, 0.2, 0.3]), np.array([0.15, 0.3, 0.5])
    comparison = label_efficiency.compare(uniform, policy, [1, 2, 4])
    assert comparison
    assert comparison[0] == pytest.approx(0.15), "from where both are to what both reach"


def test_intervals_are_paired_and_contain_the_mean() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.random((40, 3)) for _ in range(3)]
    resamples = label_efficiency.Resamples([40, 40, 40])

    interval = resamples.interval(rows)

    for low, mean, high in zip(interval["low"], interval["mean"], interval["high"], strict=True):
        assert low < mean < high
    moved = resamples.means([values + 0.1 for values in rows]) - resamples.means(rows)
    assert np.allclose(moved, 0.1)
