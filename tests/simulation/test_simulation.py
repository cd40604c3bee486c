"""A simulation from nothing to its figures, killed and gone on; and its pure rules."""

from __future__ import annotations

import doctest
import json
import math
import random
import shutil

import numpy as np
import pytest

from app.common import array_statistics
from app.common.config import ConfigError
from app.selection.score_orders import ScoredSolution
from app.simulation import (
    label_efficiency,
    plots,
    policy_ranking,
    policy_run,
    rankings,
    summary,
    synthetic_labels,
)
from app.simulation.config import Setting
from app.simulation.datasets import prepare
from app.simulation.policies import POLICIES
from app.simulation.run import AnotherSetting, play
from app.simulation.svg_plot import Line, svg
from app.world.kinds.base import final_answer, up_to_first_error

TINY = Setting.parse(
    {
        "reading_steps": 60,
        "temperature": 1.0,
        "layers": 1,
        "pool_problems": 16,
        "validation_problems": 4,
        "pool_samples": 4,
        "test_problems": 4,
        "shifted_problems": 4,
        "test_samples": 4,
        "first": 4,
        "budgets": ["4", "8"],
        "further": ["12"],
        "passes": 1.0,
    }
)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulation")
    found = play(TINY, ["random", "lightman_80_20"], folder, lambda _: None)
    return folder, found


def test_every_arm_has_every_budget_and_figures_are_drawn(played):
    folder, found = played

    for policy in ("random", "lightman_80_20"):
        assert len(found["policies"][policy]["by_budget"]["mean"]) == 2
    assert (found["further"]["budgets"], len(found["further"]["mean"])) == ([4, 8, 12], 3)
    assert found["n"] == [1, 2, 4]
    assert set(found["worth"]) == {"lightman_80_20"}
    told = [
        json.loads((folder / "arms" / "lightman_80_20" / f"{budget}.json").read_text())["tests"]["plain"]
        for budget in found["budgets"]
    ]
    assert found["steps_told"]["lightman_80_20"]["mean"] == [each["steps_told_right"] for each in told]
    assert found["steps_told"]["random"]["worth"] in ([1.0], [None]), "None where it never rises"
    assert json.loads((folder / "result.json").read_text()) == found
    for name in ("labels.svg", "best-of-n.svg"):
        assert (folder / name).read_text().startswith("<svg")


def test_arms_begin_alike_and_queue_no_twins_and_no_validation_problems(played):
    folder, _ = played
    material = prepare(TINY, folder, lambda _: None)
    pool = policy_run.Pool(TINY, material.pool)
    told = {
        policy: json.loads((folder / "arms" / policy / "8.json").read_text())
        for policy in ("random", "lightman_80_20")
    }

    for each in told.values():
        assert 4 < len(each["queued"]) == len(set(each["queued"])) <= 8
        assert each["queued"][:4] == told["random"]["queued"][:4]
        twins = {pool.bare[key].duplicate_key for key in each["queued"]}
        assert len(twins) == len(each["queued"])
        assert all(pool.rows[key][0] < 12 for key in each["queued"])
    assert told["random"]["selector"] is None
    assert told["lightman_80_20"]["selector"]["verdict"] in ("passed", "failed")


def test_killed_and_started_again_it_ends_up_the_same(played, tmp_path):
    folder, found = played
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    (again / "arms" / "lightman_80_20" / "8.json").unlink()
    shutil.rmtree(again / "models")
    phases: list[str] = []

    gone_on = play(TINY, ["random", "lightman_80_20"], again, lambda said: phases.append(said["phase"]))

    assert gone_on == found
    assert not any("random" in phase or "sampling" in phase or "reading" in phase for phase in phases)


def test_a_folder_of_another_setting_is_refused(played):
    folder, _ = played

    with pytest.raises(AnotherSetting):
        play(Setting.parse({**TINY.to_json(), "seed": 5}), ["random"], folder, lambda _: None)


def test_a_teacher_labels_in_the_judges_place_and_teaches_an_orm(played, tmp_path):
    folder, _ = played
    shutil.copytree(folder / "base", tmp_path / "base")
    for name in ("pool", "plain", "shifted"):
        shutil.copy(folder / f"{name}.json", tmp_path)
    changed = {"teacher_solutions": 12, "budgets": ["4"], "further": []}
    setting = Setting.parse({**TINY.to_json(), **changed})

    found = play(setting, ["random"], tmp_path, lambda _: None)

    orm, by_teacher = (found["references"][name]["mean"] for name in ("orm", "orm_by_teacher"))
    assert len(by_teacher) == len(orm) == 3
    assert by_teacher[0] == orm[0], "of one sample there is nothing to choose"
    assert "ORM taught by the larger PRM" in (tmp_path / "best-of-n.svg").read_text()
    material = prepare(setting, tmp_path, lambda _: None)
    pool = policy_run.Pool(setting, material.pool)
    judged = [pool.label(each).targets for each in pool.texts]
    pool.taught = synthetic_labels.read(setting, material, tmp_path, lambda _: None)
    taught = [pool.label(each).targets for each in pool.texts]
    assert taught != judged, "of twelve solutions nobody learns to judge without a fault"
    for key, targets in enumerate(taught):
        problem, steps = pool.rows[key]
        ratings = synthetic_labels.ratings(pool.taught[pool.sampled[problem].posed.statement, steps])
        assert targets == up_to_first_error(ratings)


def test_labels_stop_at_the_first_error_and_noise_changes_some(played):
    folder, _ = played
    material = prepare(TINY, folder, lambda _: None)
    plain = policy_run.Pool(TINY, material.pool)
    noisy = policy_run.Pool(Setting.parse({**TINY.to_json(), "noise": 0.3}), material.pool)

    labels = [plain.label(each).targets for each in range(len(plain.rows))]

    assert all(-1 not in each[:-1] for each in labels)
    assert labels != [noisy.label(each).targets for each in range(len(plain.rows))]


def test_wrong_references_turn_verdicts(played):
    folder, _ = played
    wrong = Setting.parse({**TINY.to_json(), "wrong_references": 0.5})
    plain, turned = prepare(TINY, folder, lambda _: None), prepare(wrong, folder, lambda _: None)

    changed = sum(a.reference != b.reference for a, b in zip(plain.pool, turned.pool, strict=True))

    assert 3 <= changed <= 13
    assert plain.tests == turned.tests
    for one in turned.pool:
        for steps in one.samples:
            if final_answer(steps) is not None:
                assert one.verdict(steps) == (
                    "correct" if final_answer(steps) == one.reference else "incorrect"
                )


def test_tests_hold_no_problem_of_the_pool(played):
    folder, _ = played
    material = prepare(TINY, folder, lambda _: None)
    known = {one.posed.statement for one in material.pool}

    for test in material.tests.values():
        assert not known & {one.posed.statement for one in test}


@pytest.mark.parametrize(
    "wrong",
    [{"world": "atlantis"}, {"budgets": ["9", "3"]}, {"budgets": []}, {"noise": 2.0}, {"wrld": "chains"}],
)
def test_settings_that_are_refused(wrong):
    with pytest.raises(ConfigError):
        Setting.parse(wrong)


def test_every_policy_has_words():
    assert all(policy.label and policy.id == name for name, policy in POLICIES.items())


def candidates(
    count: int = 60,
) -> tuple[list[ScoredSolution], dict[int, list[float]], dict[int, list[str]]]:
    chance = random.Random(0)  # noqa: S311
    right = {key: [chance.random() for _ in range(4)] for key in range(count)}
    made = [
        ScoredSolution(
            key, key // 6, bytes([key]), chance.choice(["correct", "incorrect"]), sum(map(math.log, steps))
        )
        for key, steps in right.items()
    ]
    said = {key: [f"step {chance.randrange(9)}" for _ in range(4)] for key in range(count)}
    return made, right, said


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
def test_a_policy_keeps_the_cap_and_what_is_taken_out(policy):
    made, right, said = candidates()
    taken = made[:6]

    chosen = policy_ranking.select(policy, made, 20, 2, 0, right, said, taken)

    assert len(chosen) == len(set(chosen)) == 18  # two of each of the nine problems left
    assert not set(chosen) & {each.solution_id for each in taken}
    assert chosen == policy_ranking.select(policy, made, 20, 2, 0, right, said, taken)


def test_wrong_answers_come_first_for_policies_that_want_them():
    made, right, said = candidates()

    for policy in ("first_error_entropy", "hard_problems", "wrong_by_step"):
        chosen = policy_ranking.select(policy, made, 8, 2, 0, right, said)
        assert {made[key].verdict for key in chosen} == {"incorrect"}


def test_a_policy_that_spreads_comes_to_a_second_of_a_step_last():
    """Of twelve wrong answers, nine are suspected by one step, and they are the most convincing."""
    right = {key: [0.9, 0.6, 0.9] for key in range(12)}
    said = {key: ["a", "the same" if key < 9 else f"b {key}", "c"] for key in range(12)}
    made = [ScoredSolution(key, key, bytes([key]), "incorrect", -0.1 * key) for key in range(12)]

    for policy in ("wrong_by_step", "uncertain_steps"):
        assert policy_ranking.select(policy, made, 6, 1, 0, right, said) == [0, 9, 10, 11, 1, 2]


def test_the_entropy_of_the_first_error():
    """Of two equally likely places one bit, in nats; of a certain one nothing."""
    assert rankings.first_error_entropy([0.5, 0.0]) == pytest.approx(math.log(2))
    assert rankings.first_error_entropy([1.0, 0.0, 0.3]) == 0
    assert rankings.first_error_entropy([1.0, 1.0]) == pytest.approx(math.log(2))
    assert rankings.first_error_entropy([]) == 0


def test_what_a_label_is_worth():
    """Three times, but for where both begin: half the way there, as logs of labels go."""
    budgets = [100, 300, 900, 2700]
    uniform, policy = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.1, 0.3, 0.4, 0.4])

    assert label_efficiency.ratio(uniform, uniform, budgets) == pytest.approx(1)
    assert label_efficiency.ratio(uniform, policy, budgets) == pytest.approx(3 ** (2 / 3), rel=0.05)
    assert label_efficiency.ratio(policy, uniform, budgets) == pytest.approx(
        1 / label_efficiency.ratio(uniform, policy, budgets)
    )
    assert label_efficiency.ratio(np.array([0.5, 0.4]), np.array([0.1, 0.2]), [1, 2]) is None
    assert label_efficiency.ratio(uniform, policy[:2], budgets) == pytest.approx(3**0.5, rel=0.05), (
        "it ends sooner"
    )
    examples = [doctest.testmod(module) for module in (label_efficiency, array_statistics)]
    assert [(example.failed, example.attempted) for example in examples] == [(0, 1), (0, 1)]


def test_what_cannot_be_compared_is_not_called_one():
    draws = label_efficiency.Draws([2])
    falling = [np.array([[0.5, 0.4], [0.6, 0.5]])]
    assert label_efficiency.worth([label_efficiency.Pair(falling, falling, [1, 2], draws)]) == {
        "ratio": None,
        "low": None,
        "high": None,
    }
    said = plots.worth(
        {
            "plain": {
                "worth": {"lightman_80_20_fixed": {"ratio": None, "low": None, "high": None}},
                "policies": {"random": 1, "lightman_80_20_fixed": 2},
            }
        }
    )[0]
    assert (said.figure, said.interval, said.harms) == ("?", "", False)
    assert "cannot be compared" in said.said


def test_over_several_worlds_each_weighs_by_its_room(played):
    folder, found = played
    assert summary.over_worlds([[folder]], ["lightman_80_20"]) == {
        "lightman_80_20": found["worth"]["lightman_80_20"]
    }
    assert label_efficiency.together([(0.1, math.log(2)), None, (0.3, math.log(4))]) == pytest.approx(
        2 ** (7 / 4)
    )
    assert label_efficiency.together([None]) is None
    uniform, policy = np.array([0.1, 0.2, 0.3]), np.array([0.15, 0.3, 0.5])
    compared = label_efficiency.compare(uniform, policy, [1, 2, 4])
    assert compared
    assert compared[0] == pytest.approx(0.15), "from where both are to what both reach"


def test_intervals_are_paired_and_hold_the_mean():
    rng = np.random.default_rng(0)
    rows = [rng.random((40, 3)) for _ in range(3)]
    draws = label_efficiency.Draws([40, 40, 40])

    found = draws.interval(rows)

    for low, mean, high in zip(found["low"], found["mean"], found["high"], strict=True):
        assert low < mean < high
    moved = draws.means([each + 0.1 for each in rows]) - draws.means(rows)
    assert np.allclose(moved, 0.1)


def test_a_figure_is_one_file_without_script():
    drawn = svg("a < b", "N", [1, 2, 4], [Line("one & two", [0.1, 0.2, 0.3], [0, 0.1, 0.2], [0.2, 0.3, 0.4])])

    assert drawn.count("<polyline") == 1
    assert "a &lt; b" in drawn
    assert "one &amp; two: 30 %" in drawn
    assert "script" not in drawn
