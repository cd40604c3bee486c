"""Labels from a generator's rollouts.

The success rate of the rollouts from a step is its soft label. The hard label is positive if any of them
succeeded (Wang et al. 2023, section 3.3, equations 3 and 4; soft values as in Snell et al. 2024, appendix D).
The last step's rate is the verdict of its answer.

A step without rollouts of its own, as after a binary search (Luo et al. 2024, section 3.2), is positive if a
later step is. Otherwise it has no label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.training.label_tree import Chain, ProblemChain
from app.training.snapshot_definition import SnapshotDefinition

SELECT_ROLLOUTS = text(
    """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.verdict,
           r.position, r.rollout_count, r.correct_count
    FROM rollout_rate r JOIN solution s ON s.id = r.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND r.generator_id = :generator_id
      AND s.verdict IN ('correct', 'incorrect')
    ORDER BY p.id, s.id, r.position
    """
)
SELECT_GENERATOR = text(
    "SELECT name FROM project_generator WHERE generator_id = :id AND project_id = :project_id"
)
SELECT_GENERATORS = text(
    """SELECT generator_id AS id, name FROM project_generator g WHERE project_id = :project_id
       AND EXISTS (SELECT 1 FROM rollout_rate r WHERE r.generator_id = g.generator_id) ORDER BY name"""
)


class RolloutLabels:
    id = "rollouts"
    item = "rollout of this generator"
    from_submissions = False

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Raises Invalid unless the definition names a generator of the project."""
        generator_id = definition.generator_id or 0
        key = {"id": generator_id if 0 < generator_id < 2**63 else 0, "project_id": project_id}
        if db.scalar(SELECT_GENERATOR, key) is None:
            raise Invalid(
                "generator_id names no generator of this project.",
                remedy="Choose one generator; rollouts of several are never mixed.",
            )

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        """True: only creating the snapshot shows which rollouts count."""
        return True

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        key = {"project_id": project_id, "generator_id": definition.generator_id}
        rows = db.execute(SELECT_ROLLOUTS.execution_options(yield_per=2_000), key)
        for _, group in groupby(rows, key=lambda row: row.solution_id):
            positions = list(group)
            enough = [row for row in positions if row.rollout_count >= definition.min_rollouts]
            dropped["too_few_rollouts"] += len(positions) - len(enough)
            if not enough:
                continue
            row = positions[0]
            rates = {
                position.position: position.correct_count / position.rollout_count for position in enough
            }
            rates[len(row.steps) - 1] = float(row.verdict == "correct")
            yield row.problem_id, row.statement, _build_chain(row, rates, definition)

    def describe(self, definition: SnapshotDefinition) -> str:
        kind = (
            "a step's soft label is its success rate"
            if definition.soft
            else "a step is positive if any rollout succeeded"
        )
        return (
            f"rollouts of generator {definition.generator_id}; {kind}; no person rated these steps, and such "
            "labels tell what this generator can do from a step rather than where the error is"
        )


def _build_chain(row: Any, rates: dict[int, float], definition: SnapshotDefinition) -> Chain:
    """Soft labels are never cut: every prefix has its own, also after an error."""
    steps: list[str] = list(row.steps)
    targets = hard_targets(rates, len(steps))
    if definition.soft:
        values = [rates.get(position) for position in range(len(steps))]
        rated = [target if value is not None else None for target, value in zip(targets, values, strict=True)]
        return Chain(row.solution_id, steps, rated, [], values=values)
    if definition.cut_at_first_error and -1 in targets:
        targets = targets[: targets.index(-1) + 1]
        steps = steps[: len(targets)]
    return Chain(row.solution_id, steps, targets, [])


def hard_targets(rates: dict[int, float], steps: int) -> list[int | None]:
    """1 or -1 for each step, None without a label. rates: position -> success rate."""
    last_success = max((position for position, rate in rates.items() if rate > 0), default=-1)
    targets: list[int | None] = []
    for position in range(steps):
        rate = rates.get(position)
        inferred = 1 if position < last_success else None
        targets.append(inferred if rate is None else 1 if rate > 0 else -1)
    return targets


def list_generators_with_rollouts(db: Session, project_id: int) -> list[tuple[int, str]]:
    """ID and name."""
    return [(row.id, row.name) for row in db.execute(SELECT_GENERATORS, {"project_id": project_id})]
