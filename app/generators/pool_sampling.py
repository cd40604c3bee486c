"""Pool sampling: each selected problem gets exactly the target number of solutions.

The transaction that stores solutions locks the row of the problem and counts its stored solutions first.
A killed run therefore continues where it stopped, and concurrent processes never exceed the target."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.common.config import Config
from app.core.api import Answer
from app.core.config_file import parse_config
from app.core.errors import Invalid
from app.generators.config import Text, parse
from app.generators.models import Generator, SamplingItem, SamplingRun
from app.generators.prompts import Sampled, SampleRequest, UnusableSample, parse_completion
from app.generators.purpose import SamplingPurpose
from app.generators.sampler import SampleResult
from app.problems.models import Problem, Solution
from app.problems.problem_keys import solution_key
from app.problems.step_kinds import find_step_kinds

FilterText = Annotated[Text, Field(max_length=300)]
COUNT_FROM = {"generator": "this generator", "pool": "the whole pool"}
DUPLICATES = {"keep": "keep", "skip": "skip and resample"}
PATIENCE = 5
"""Samples per missing solution before a problem fails, if duplicates are skipped."""


class PoolPlan(Config):
    """The problems to sample for, and the target number of solutions per problem."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"per_problem": 8, "splits": ["train"], "duplicates": "keep"}]}
    )
    former_names = {"counting": "count_from"}  # noqa: RUF012  a ClassVar of the base

    per_problem: Annotated[int, Field(ge=1, le=100_000)] = 4
    """Target number of solutions per problem."""
    count_from: Literal["generator", "pool"] = "generator"
    """Which stored solutions count: those of this generator, or the whole pool."""
    duplicates: Literal["keep", "skip"] = "keep"
    """Whether a solution with the same text is kept, or skipped and sampled again."""
    splits: Annotated[
        tuple[Literal["train", "validation", "test"], ...], Field(strict=False, min_length=1)
    ] = ("train",)
    """Splits of the problems. Test problems need a run of their own: their solutions are for evaluation."""
    subject: FilterText = ""
    """Only problems of this subject. Empty: all."""
    level: FilterText = ""
    """Only problems of this level. Empty: all."""

    @model_validator(mode="after")
    def _keep_test_apart(self) -> Self:
        if "test" in self.splits and set(self.splits) != {"test"}:
            raise ValueError("test problems cannot be combined with other splits: start a separate run")
        return self


class PlanPreview(Answer):
    """What a plan would sample."""

    problems: int
    """Selected problems."""
    incomplete: int
    """Problems below the target."""
    missing: int
    """Missing solutions."""


def parse_plan(options: Any) -> PoolPlan:
    """A plan from JSON. Raises Invalid."""
    return parse_config(PoolPlan, options)


CHOSEN = """
    FROM problem p CROSS JOIN LATERAL (
        SELECT count(*) AS solutions FROM solution s WHERE s.problem_id = p.id
          AND (CAST(:name AS text) IS NULL OR s.generator = CAST(:name AS text))
    ) there
    WHERE p.project_id = :project AND p.split = ANY(:splits)
      AND (:subject = '' OR p.subject = :subject) AND (:level = '' OR p.level = :level)
"""
PREVIEW = text(
    "SELECT count(*) AS problems, count(*) FILTER (WHERE there.solutions < :k) AS incomplete,"
    f" coalesce(sum(greatest(:k - there.solutions, 0)), 0)::bigint AS missing {CHOSEN}"
)
OPEN = text(
    "INSERT INTO sampling_item (sampling_run_id, problem_id, target_count)"
    f" SELECT :run, p.id, :k - there.solutions {CHOSEN} AND there.solutions < :k ORDER BY p.id"
)
LOCK = text("SELECT id FROM problem WHERE id = :problem FOR NO KEY UPDATE")
THERE = text(
    "SELECT count(*) FROM solution WHERE problem_id = :problem"
    " AND (CAST(:name AS text) IS NULL OR generator = CAST(:name AS text))"
)


def _source_name(generator: Generator, plan: PoolPlan) -> str | None:
    return generator.name if plan.count_from == "generator" else None


def _values(generator: Generator, plan: PoolPlan) -> dict[str, str | int | list[str] | None]:
    return {
        "name": _source_name(generator, plan), "project": generator.project_id,
        "splits": list[str](plan.splits),
        "subject": plan.subject, "level": plan.level, "k": plan.per_problem,
    }  # fmt: skip


def preview_plan(db: Session, generator: Generator, plan: PoolPlan) -> PlanPreview:
    return PlanPreview(**db.execute(PREVIEW, _values(generator, plan)).mappings().one())


def create_items(db: Session, run: SamplingRun) -> None:
    plan = parse_plan(run.config)
    db.execute(OPEN, {**_values(run.generator, plan), "run": run.id})
    total = "SELECT coalesce(sum(target_count), 0) FROM sampling_item WHERE sampling_run_id = :run"
    run.total = db.scalar(text(total), {"run": run.id}) or 0
    if not run.total:
        raise Invalid(
            "No solutions are missing for the selected problems.",
            remedy="Increase the solutions per problem, or select other problems.",
        )


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    plan, config = parse_plan(run.config), parse(run.generator.config)
    missing = plan.per_problem - _existing_count(db, run, item, plan)
    if plan.duplicates == "skip" and item.sample_count >= PATIENCE * item.target_count + 20:
        item.error = "Only duplicates were sampled."
        return []
    statement = db.get_one(Problem, item.problem_id).statement
    if missing <= 0:
        return []
    full, rest = divmod(missing, config.samples_per_request)
    sizes = [config.samples_per_request] * full + [rest] * (rest > 0)
    return [SampleRequest(statement, count=size) for size in sizes]


def _existing_count(db: Session, run: SamplingRun, item: SamplingItem, plan: PoolPlan) -> int:
    params = {"problem": item.problem_id, "name": _source_name(run.generator, plan)}
    return int(db.scalar(THERE, params) or 0)


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    """Store what is of use, up to what is missing now."""
    plan, config, counts = parse_plan(run.config), parse(run.generator.config), Counter[str]()
    db.execute(LOCK, {"problem": item.problem_id})
    missing = plan.per_problem - _existing_count(db, run, item, plan)
    digests = {
        bytes(stored_digest)
        for stored_digest in db.scalars(select(Solution.digest).where(Solution.problem_id == item.problem_id))
    }
    for completion, finish in came.answer.texts:
        try:
            sampled = parse_completion(config, came.ask, completion, finish)
        except UnusableSample as error:
            came.unusable.append(str(error))
            continue
        digest = hashlib.sha256("\0".join(sampled.steps).encode()).digest()
        twin = digest in digests
        counts["duplicates"] += twin
        if twin and plan.duplicates == "skip":
            continue
        if counts["stored"] >= missing:
            counts["surplus"] += 1
            continue
        digests.add(digest)
        db.add(_solution(run, item, sampled, digest))
        counts["stored"] += 1
        counts["cut_off"] += sampled.finish == "length"
    db.flush()
    return counts


def _solution(run: SamplingRun, item: SamplingItem, sampled: Sampled, digest: bytes) -> Solution:
    return Solution(
        project_id=run.project_id,
        problem_id=item.problem_id,
        external_id=f"generator-{run.generator_id}/{uuid.uuid4().hex}",
        generator=run.generator.name,
        steps=sampled.steps,
        step_kinds=find_step_kinds(sampled.steps),
        digest=digest,
        text_key=solution_key(sampled.steps),
        final_answer=sampled.answer,
        detail={"sampling_run": run.id, "finish": sampled.finish},
    )


class PoolPurpose(SamplingPurpose):
    name, label, title, unit = "pool", "Pool", "Pool sampling", "problems"
    config = PoolPlan
    adds_to_pool = True
    create_items = staticmethod(create_items)
    next_requests = staticmethod(next_requests)
    store = staticmethod(store)
