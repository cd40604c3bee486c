"""A scripted crew through the rules of the house, small: the same code as the table in docs/quality.md
(bench/crew.py), on made solutions."""

from __future__ import annotations

import json
import random
import statistics
from pathlib import Path

import pytest

from bench import crew, crew_people, crew_table
from bench.crew_people import Eyes, Outcome, Plan, Truth

PEOPLE = {"careful": 2, "hasty": 2, "biased": 1, "random": 1}
PLAN = Plan(screening=10, gold=12, regular=60, overlap=3, mark=0.4, gold_rate=0.5)


def file_of(folder: Path, solutions: int = 90) -> Path:
    """ProcessBench's shape; every third solution is right, the errors lie anywhere."""
    chance = random.Random(8)  # noqa: S311
    rows = []
    for n in range(solutions):
        steps = [f"Solution {n}, line {at}." for at in range(chance.randint(3, 7))]
        label = chance.randrange(len(steps)) if n % 3 else -1
        rows.append(
            {"id": f"made-{n}", "generator": "made", "problem": f"Problem {n}?", "steps": steps,
             "final_answer_correct": label < 0, "label": label}
        )  # fmt: skip
    path = folder / "made.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def outcome(database: str, home: Path, tmp_path: Path) -> Outcome:
    return crew.one_run([file_of(tmp_path)], 1, PLAN, PEOPLE, "made")


def test_the_crew(outcome: Outcome) -> None:
    screened = {person.name: person.screened for person in outcome.people}
    assert {name for name, passed in screened.items() if passed == "failed"} == {"random 1"}, screened
    assert all(not (person.right or person.marked) for person in outcome.people if person.kind == "random")

    by_gold = {
        kind: statistics.fmean(
            mark for person in outcome.people if person.kind == kind for mark in person.marked
        )
        for kind in ("careful", "hasty", "biased")
    }
    assert by_gold["careful"] > by_gold["hasty"] + 0.05
    assert by_gold["careful"] > by_gold["biased"] + 0.05
    assert crew_table.rank_of(outcome) >= 0.4, "gold ranks them as the truth does"

    exact = {way: statistics.fmean(by_seed.values()) for way, by_seed in outcome.exact.items()}
    assert all(len(by_seed) == PLAN.regular for by_seed in outcome.exact.values())
    assert exact["dawid_skene"] > exact["majority"]
    assert exact["majority, a third adjudicated"] > exact["majority"] + 0.03
    assert exact["dawid_skene, a third adjudicated"] > exact["majority"] + 0.08
    assert exact["dawid_skene, all adjudicated"] > exact["majority"] + 0.15
    assert exact["dawid_skene, all adjudicated"] > exact["dawid_skene"] + 0.05
    assert statistics.fmean(outcome.undecided["dawid_skene"].values()) < 0.05
    assert 0 < outcome.decisions["a third adjudicated"] < outcome.decisions["all adjudicated"] < PLAN.regular


def test_eyes_see_what_they_say_they_do() -> None:
    chance, truth = random.Random(4), Truth(["a", "b", "c", "d"], 1, 0.0)  # noqa: S311
    sharp, blind = Eyes(0.9, 0.0, 0.5, 0.1, 1.0), Eyes(0.1, 0.0, 0.0, 0.1, 1.0)
    seen = [crew_people.first_of(crew_people.ratings(sharp, truth, chance), 4) == 1 for _ in range(2000)]
    assert statistics.fmean(seen) == pytest.approx(0.9, abs=0.03)
    missed = [crew_people.first_of(crew_people.ratings(blind, truth, chance), 4) == -1 for _ in range(2000)]
    assert statistics.fmean(missed) == pytest.approx(0.9, abs=0.03)
    hard = [
        crew_people.first_of(crew_people.ratings(sharp, Truth(truth.steps, 1, 3.0), chance), 4) == 1
        for _ in range(2000)
    ]
    assert statistics.fmean(hard) < 0.4
    assert crew_people.first_of([1, None, -1], 3) is None
    assert crew_people.first_of([1, 1], 3) is None, "not rated to its end"


def test_ranks_share_ties() -> None:
    assert crew_table.ranked([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]
    assert crew_table.rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    assert crew_table.rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
