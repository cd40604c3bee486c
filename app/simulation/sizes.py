"""The sizes that need no JSON, and about how long a simulation takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.simulation.config import Setting

QUICK: dict[str, Any] = {
    "reading_steps": 200,
    "pool_problems": 80,
    "pool_samples": 8,
    "test_problems": 20,
    "shifted_problems": 10,
    "test_samples": 32,
    "first": 20,
    "budgets": ["20", "40", "80"],
}
QUICK_FULL: dict[str, Any] = {
    **QUICK,
    "validation_problems": 20,
    "pool_problems": 60,
    "test_samples": 16,
    "budgets": ["20", "40"],
}
"""The full form takes longer for each budget, most of it starting processes."""
SIZES: dict[str, dict[str, Any]] = {"quick": QUICK, "small": {}}
WORDS = {
    "quick": "quick, to see how it goes",
    "small": "small, to compare policies",
}
WORLDS = {
    "chains": "chains of operations",
    "knockout": "who wins against whom",
    "misprints": "who wins against whom, by books that err",
    "lineage": "who descends from whom",
    "ordering": "an order to learn",
}
READING, PROBLEM, SAMPLE, LEARNING, JUDGING = 0.08, 0.01, 0.00005, 0.002, 0.0001
"""Seconds on one core of an ordinary machine, for two layers: a step of the writer's, a problem to write
for, a sample of it (what samples have in common is computed once), a solution learned from once, a
solution read by a PRM (many are twins, which are read once)."""
ORM_SOLUTIONS = 1_600


def seconds(setting: Setting, policies: Sequence[str], seeds: Sequence[int]) -> float:
    """A rough sum of what is read, written, learned and judged; figures of one machine."""
    pool = setting.pool_problems * setting.pool_samples
    judged_on = setting.test_problems + setting.shifted_problems
    tests = judged_on * setting.test_samples
    writing = PROBLEM * (setting.pool_problems + judged_on) + SAMPLE * (pool + tests)
    begun = READING * (setting.reading_steps + setting.pool_reading_steps) + writing
    graded = min(pool, ORM_SOLUTIONS)
    orm = LEARNING * setting.epochs(graded) * graded + JUDGING * tests
    arm = sum(LEARNING * setting.epochs(budget) * budget + JUDGING * tests for budget in setting.counts)
    choosing = JUDGING * pool * (len(setting.counts) - 1)
    return len(seeds) * setting.layers / 2 * (begun + orm + len(policies) * (arm + choosing))
