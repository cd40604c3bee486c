"""Rollout plans: the selected solutions, the strategy, and the estimated number of samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import Generator, SamplingRun

FORMER_STRATEGIES = {"every": "all", "search": "binary_search"}
STRATEGIES = {"all": "every step", "binary_search": "binary search for the first error"}
VERDICTS = {
    "": "correct and incorrect",
    "incorrect": "incorrect",
    "correct": "correct",
}


@dataclass(frozen=True)
class RolloutPlan:
    rollouts: int = 8
    strategy: str = "all"
    verdict: str = ""
    sampled_by: str = ""
    """Name of the generator that sampled the solutions; empty: any."""
    splits: tuple[str, ...] = ("train",)
    subject: str = ""
    level: str = ""
    per_problem: int = 4
    max_solutions: int = 1000
    """Maximum number of solutions."""
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "splits": list(self.splits)}


def parse_plan(payload: dict[str, Any]) -> RolloutPlan:
    """A plan from JSON. Raises Invalid for unknown options and for test problems, which get no labels."""
    unknown = sorted(set(payload) - set(RolloutPlan.__annotations__))
    if unknown:
        raise Invalid(
            f"Unknown option {unknown[0]!r}.",
            remedy=f"Valid options: {', '.join(RolloutPlan.__annotations__)}.",
        )
    plan = RolloutPlan(**{**payload, "splits": tuple(payload.get("splits") or RolloutPlan.splits)})
    plan = replace(plan, strategy=FORMER_STRATEGIES.get(str(plan.strategy), plan.strategy))
    for name, low, high in (
        ("rollouts", 1, 1024),
        ("per_problem", 1, 100_000),
        ("max_solutions", 1, 10_000_000),
        ("seed", 0, 2**31),
    ):
        value = getattr(plan, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Invalid(f'"{name}" must be an integer from {low} to {high:,}.')
    if plan.strategy not in STRATEGIES or plan.verdict not in VERDICTS:
        raise Invalid(
            f'"strategy" must be one of {", ".join(STRATEGIES)}, '
            'and "verdict" must be correct, incorrect or empty.'
        )
    if plan.strategy == "binary_search" and plan.verdict != "incorrect":
        plan = replace(plan, verdict="incorrect")
    if "test" in plan.splits:
        raise Invalid(
            "Rollouts are labels, and test problems get no labels.", remedy="Use train or validation."
        )
    if not all(split in ("train", "validation") for split in plan.splits):
        raise Invalid("The splits must be train, validation or both.")
    for text_ in (plan.sampled_by, plan.subject, plan.level):
        if not isinstance(text_, str) or len(text_) > 300 or "\0" in text_:
            raise Invalid("Generator, subject and level must be texts with at most 300 characters.")
    return plan


CHOSEN = """
    WITH drawn AS (
        SELECT s.id, s.problem_id, cardinality(s.steps) AS steps,
            hashint8extended(s.id, :seed) AS draw,
            row_number() OVER (PARTITION BY s.problem_id ORDER BY hashint8extended(s.id, :seed), s.id)
                AS turn
        FROM solution s JOIN problem p ON p.id = s.problem_id
        WHERE s.project_id = :project AND p.split = ANY(:splits) AND p.split <> 'test'
          AND (:subject = '' OR p.subject = :subject) AND (:level = '' OR p.level = :level)
          AND (:sampled_by = '' OR s.generator = :sampled_by)
          AND s.verdict = ANY(:verdicts) AND p.reference_answer IS NOT NULL
          AND cardinality(s.steps) BETWEEN 2 AND 1000
    ), chosen AS (
        SELECT d.*, CASE WHEN :strategy = 'all'
            THEN :n * (d.steps - 1) - coalesce((SELECT sum(least(r.rollout_count, :n)) FROM rollout r
                WHERE r.generator_id = :generator AND r.solution_id = d.id AND r.position < d.steps - 1), 0)
            ELSE :n * ceil(log(2, d.steps)) - least(:n * ceil(log(2, d.steps)), coalesce((
                SELECT sum(least(r.rollout_count, :n)) FROM rollout r
                WHERE r.generator_id = :generator AND r.solution_id = d.id), 0)) END AS missing
        FROM drawn d WHERE d.turn <= :per_problem ORDER BY d.turn, d.draw LIMIT :max_solutions
    )
"""
PREVIEW = text(
    f"""{CHOSEN} SELECT count(*) AS solutions, count(DISTINCT problem_id) AS problems,
        count(*) FILTER (WHERE missing > 0) AS incomplete, coalesce(sum(missing), 0)::bigint AS missing
        FROM chosen"""  # noqa: S608  the parts are ours
)
OPEN = text(
    f"""{CHOSEN} INSERT INTO sampling_item (sampling_run_id, problem_id, solution_id, target_count)
        SELECT :run, problem_id, id, missing FROM chosen WHERE missing > 0
        ORDER BY turn, draw RETURNING target_count"""  # noqa: S608  likewise
)


def _values(generator: Generator, plan: RolloutPlan) -> dict[str, Any]:
    return {
        "project": generator.project_id, "generator": generator.id,
        "seed": plan.seed, "strategy": plan.strategy,
        "splits": list(plan.splits), "subject": plan.subject, "level": plan.level,
        "sampled_by": plan.sampled_by,
        "verdicts": [plan.verdict] if plan.verdict else ["correct", "incorrect"],
        "n": plan.rollouts, "per_problem": plan.per_problem, "max_solutions": plan.max_solutions,
    }  # fmt: skip


def preview_plan(db: Session, generator: Generator, plan: RolloutPlan) -> dict[str, int]:
    """{"solutions", "problems", "incomplete", "missing"}. `missing` is the number of samples: exact for
    `all`, the maximum for `binary_search`."""
    return dict(db.execute(PREVIEW, _values(generator, plan)).mappings().one())


def create_items(db: Session, run: SamplingRun) -> None:
    if not parse(run.generator.config).supports_continuations:
        raise Invalid(
            f"{run.generator.name} does not support continuations.",
            remedy="Use a completions endpoint or enable prefill.",
        )
    plan = parse_plan(run.config)
    run.config = plan.as_json()
    run.total = sum(db.execute(OPEN, {**_values(run.generator, plan), "run": run.id}).scalars())
    if not run.total:
        raise Invalid(
            "No rollouts are missing for the selected solutions.",
            remedy="Select graded solutions of problems with a reference answer.",
        )


THERE = text(
    """SELECT count(DISTINCT solution_id) AS solutions, count(*) AS steps,
              coalesce(sum(rollout_count), 0)::bigint AS rollouts,
              coalesce(sum(correct_count), 0)::bigint AS correct,
              count(*) FILTER (WHERE correct_count = 0) AS dead,
              coalesce(sum(unparseable), 0)::bigint AS unparseable
       FROM rollout WHERE generator_id = :generator"""
)


def existing_counts(db: Session, generator_id: int) -> dict[str, int]:
    """Totals of this generator's rollouts. `dead`: steps with no correct rollout."""
    return dict(db.execute(THERE, {"generator": generator_id}).mappings().one())
