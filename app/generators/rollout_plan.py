"""Rollout plans: the selected solutions, the strategy, and the estimated number of samples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.common.config import Config
from app.core.api import Answer
from app.core.config_file import parse_config
from app.core.errors import Invalid
from app.generators.config import Text, parse
from app.generators.models import Generator, SamplingRun

FilterText = Annotated[Text, Field(max_length=300)]
STRATEGIES = {"all": "every step", "binary_search": "binary search for the first error"}
VERDICTS = {
    "": "correct and incorrect",
    "incorrect": "incorrect",
    "correct": "correct",
}


class RolloutPlan(Config):
    """The solutions, the number of rollouts per step, and the positions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rollouts": 8, "strategy": "all", "per_problem": 4, "max_solutions": 1000}]
        }
    )
    former_names = {"how": "strategy", "most": "max_solutions"}  # noqa: RUF012  a ClassVar of the base
    former_values = {"strategy": {"every": "all", "search": "binary_search"}}  # noqa: RUF012  likewise

    rollouts: Annotated[int, Field(ge=1, le=1024)] = 8
    """Rollouts per step."""
    strategy: Literal["all", "binary_search"] = "all"
    """Positions: every step, or a binary search for the first error of incorrect solutions."""
    verdict: Annotated[Literal["", "incorrect", "correct"], Field(validate_default=True)] = ""
    """Only solutions with this verdict. Empty: both. A binary search takes incorrect solutions."""
    sampled_by: FilterText = ""
    """Name of the generator that sampled the solutions. Empty: any."""
    splits: Annotated[tuple[Literal["train", "validation"], ...], Field(strict=False, min_length=1)] = (
        "train",
    )
    """Splits of the problems. Rollouts are labels, and test problems get no labels."""
    subject: FilterText = ""
    """Only problems of this subject. Empty: all."""
    level: FilterText = ""
    """Only problems of this level. Empty: all."""
    per_problem: Annotated[int, Field(ge=1, le=100_000)] = 4
    """Maximum number of solutions per problem."""
    max_solutions: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    """Maximum number of solutions."""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    """Seed of the random choice of solutions."""

    @field_validator("verdict")
    @classmethod
    def _search_incorrect_solutions(cls, verdict: str, info: ValidationInfo) -> str:
        return "incorrect" if info.data.get("strategy") == "binary_search" else verdict

    @property
    def verdicts(self) -> list[str]:
        return [self.verdict] if self.verdict else ["correct", "incorrect"]


class RolloutPreview(Answer):
    """What a plan would sample."""

    solutions: int
    """Selected solutions."""
    problems: int
    """Their problems."""
    incomplete: int
    """Solutions whose rollouts are incomplete."""
    missing: int
    """Samples: exact for every step, the maximum for a binary search."""


class RolloutTotals(Answer):
    """Rollouts of a generator."""

    solutions: int
    """Solutions with rollouts."""
    steps: int
    """Steps with rollouts."""
    rollouts: int
    """All rollouts."""
    correct: int
    """Correct rollouts."""
    dead: int
    """Steps without a correct rollout."""
    unparseable: int
    """Rollouts without a readable answer."""


def parse_plan(options: Any) -> RolloutPlan:
    """A plan from JSON. Raises Invalid."""
    return parse_config(RolloutPlan, options)


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


def _values(generator: Generator, plan: RolloutPlan) -> dict[str, str | int | list[str]]:
    return {
        "project": generator.project_id, "generator": generator.id,
        "seed": plan.seed, "strategy": plan.strategy,
        "splits": list[str](plan.splits), "subject": plan.subject, "level": plan.level,
        "sampled_by": plan.sampled_by, "verdicts": plan.verdicts,
        "n": plan.rollouts, "per_problem": plan.per_problem, "max_solutions": plan.max_solutions,
    }  # fmt: skip


def preview_plan(db: Session, generator: Generator, plan: RolloutPlan) -> RolloutPreview:
    return RolloutPreview(**db.execute(PREVIEW, _values(generator, plan)).mappings().one())


def create_items(db: Session, run: SamplingRun) -> None:
    if not parse(run.generator.config).supports_continuations:
        raise Invalid(
            f"{run.generator.name} does not support continuations.",
            remedy="Use a completions endpoint or enable prefill.",
        )
    plan = parse_plan(run.config)
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


def existing_counts(db: Session, generator_id: int) -> RolloutTotals:
    """Totals of this generator's rollouts."""
    return RolloutTotals(**db.execute(THERE, {"generator": generator_id}).mappings().one())
