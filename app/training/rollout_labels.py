"""Labels out of a generator's rollouts. A step is worth the share of rollouts from behind it that came
to the right answer; as a hard label it is right where any did (Wang et al. 2023, section 3.3, equations
3 and 4; soft values as in Snell et al. 2024, appendix D). The last step's share is its answer's verdict.

Where a step has no rollouts of its own, as after a search (Luo et al. 2024, section 3.2), it is right if
a later one is: what leads on to the right answer leads there. Otherwise it has no label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.training.label_tree import Chain

ROLLOUTS = text(
    # by name: generators stand beside training, and their tables may only be asked, not imported
    """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.verdict,
           r.position, r.rollouts, r.reached
    FROM rollout r JOIN solution s ON s.id = r.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND r.generator_id = :generator_id
      AND s.verdict IN ('correct', 'incorrect')
    ORDER BY p.id, s.id, r.position
    """
)
GENERATOR = text("SELECT name FROM generator WHERE id = :id AND project_id = :project_id")
ROLLED = text(
    """SELECT id, name FROM generator g WHERE project_id = :project_id
       AND EXISTS (SELECT 1 FROM rollout WHERE generator_id = g.id) ORDER BY name"""
)


def iter_chains(
    db: Session, project_id: int, wanted: dict[str, Any], dropped: Counter[str]
) -> Iterator[tuple[int, str, Chain]]:
    asked = {"project_id": project_id, "generator_id": wanted["generator_id"]}
    rows = db.execute(ROLLOUTS.execution_options(yield_per=2_000), asked)
    for _, group in groupby(rows, key=lambda row: row.solution_id):
        found = list(group)
        row, shares = found[0], {}
        for each in found:
            if each.rollouts < wanted["min_rollouts"]:
                dropped["too_few_rollouts"] += 1
            else:
                shares[each.position] = each.reached / each.rollouts
        if not shares:
            continue
        shares[len(row.steps) - 1] = float(row.verdict == "correct")
        yield row.problem_id, row.statement, _chain(row, shares, wanted)


def _chain(row: Any, shares: dict[int, float], wanted: dict[str, Any]) -> Chain:
    """Soft values are never cut: each beginning has its own, also behind a wrong step."""
    steps: list[str] = list(row.steps)
    targets = hard_targets(shares, len(steps))
    if wanted["soft"]:
        values = [shares.get(position) for position in range(len(steps))]
        said = [target if value is not None else None for target, value in zip(targets, values, strict=True)]
        return Chain(row.solution_id, steps, said, [], values=values)
    if wanted["cut_at_first_error"] and -1 in targets:
        targets = targets[: targets.index(-1) + 1]
        steps = steps[: len(targets)]
    return Chain(row.solution_id, steps, targets, [])


def hard_targets(shares: dict[int, float], steps: int) -> list[int | None]:
    """1 or -1 for each step, None where nothing is known. shares: position -> share that came right."""
    good = max((position for position, share in shares.items() if share > 0), default=-1)
    targets: list[int | None] = []
    for position in range(steps):
        share = shares.get(position)
        unsaid = 1 if position < good else None
        targets.append(unsaid if share is None else 1 if share > 0 else -1)
    return targets


def validate_definition(db: Session, project_id: int, wanted: dict[str, Any]) -> None:
    """Invalid unless it names a generator of this project, and options that are of their kind."""
    if not isinstance(wanted["soft"], bool):
        raise Invalid('"soft" must be true or false.')
    least = wanted["min_rollouts"]
    if not isinstance(least, int) or isinstance(least, bool) or not 1 <= least <= 1024:
        raise Invalid('"min_rollouts" must be a whole number from 1 to 1,024.')
    if wanted["source"] != "rollouts":
        if wanted["soft"] or wanted["generator_id"] is not None:
            raise Invalid('"soft" and "generator_id" are for labels of the source "rollouts".')
        return
    number = wanted["generator_id"]
    fits = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**63
    asked = {"id": number if fits else 0, "project_id": project_id}
    if db.scalar(GENERATOR, asked) is None:
        raise Invalid(
            '"generator_id" names no generator of this project.',
            remedy="Rollouts of different generators are never mixed: name the one whose rollouts count.",
        )


def list_generators_with_rollouts(db: Session, project_id: int) -> list[tuple[int, str]]:
    """Those that have rollouts: id and name."""
    return [(row.id, row.name) for row in db.execute(ROLLED, {"project_id": project_id})]


def describe_source(definition: dict[str, Any]) -> str:
    kind = (
        "each step worth the share that came to the right answer"
        if definition.get("soft")
        else "a step right where any came to the right answer"
    )
    return (
        f"rollouts of generator {definition['generator_id']}, {kind}; no person rated these steps, and "
        "such labels say what that generator can do from there rather than where the error is"
    )
