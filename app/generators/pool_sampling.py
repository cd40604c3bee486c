"""Filling the pool: every chosen problem gets as many solutions as were asked for, exactly.

How many a problem has is counted from what is stored, with the problem's row locked, in the
transaction that stores more: so a run that was killed goes on where it was, and of two processes
that sampled for the same problem the later one finds that it has enough."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import Generator, SamplingItem, SamplingRun
from app.generators.prompts import Sampled, SampleRequest, UnusableSample, parse_completion
from app.generators.sampler import SampleResult
from app.problems.models import SPLITS, Problem, Solution

COUNTING = {"generator": "of this generator", "pool": "in all, whoever made them"}
DUPLICATES = {"keep": "kept, and counted", "skip": "left out, and sampled again"}
PATIENCE = 5
"""Samples for each one wanted, before a problem is given up where duplicates are left out."""


@dataclass(frozen=True)
class PoolPlan:
    per_problem: int = 4
    counting: str = "generator"
    duplicates: str = "keep"
    splits: tuple[str, ...] = ("train",)
    subject: str = ""
    level: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "splits": list(self.splits)}


def parse_plan(payload: dict[str, Any]) -> PoolPlan:
    """A plan from JSON. Test problems are sampled for by themselves or not at all: such a pool is
    for evaluation, and nobody should make one by ticking a box too many."""
    unknown = sorted(set(payload) - set(PoolPlan.__annotations__))
    if unknown:
        raise Invalid(
            f"Sampling has no option {unknown[0]!r}.",
            remedy=f"It has: {', '.join(PoolPlan.__annotations__)}.",
        )
    plan = PoolPlan(**{**payload, "splits": tuple(payload.get("splits") or PoolPlan.splits)})
    is_integer = isinstance(plan.per_problem, int) and not isinstance(plan.per_problem, bool)
    if not is_integer or not 1 <= plan.per_problem <= 100_000:
        raise Invalid("Solutions for a problem must be a whole number from 1 to 100,000.")
    for value, choices in ((plan.counting, COUNTING), (plan.duplicates, DUPLICATES)):
        if value not in choices:
            raise Invalid(
                f"There is no {str(value)[:50]!r} here.", remedy=f"Use one of: {', '.join(choices)}."
            )
    if not all(isinstance(split, str) and split in SPLITS for split in plan.splits):
        raise Invalid(f"The splits must be out of {', '.join(SPLITS)}.")
    if "test" in plan.splits and set(plan.splits) != {"test"}:
        raise Invalid(
            "Test problems are sampled for by themselves, for evaluation.",
            remedy="Start one run for the test split and another for the rest.",
        )
    for value in (plan.subject, plan.level):
        if not isinstance(value, str) or len(value) > 300 or "\0" in value:
            raise Invalid("Subject and level must be short texts.")
    return plan


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
    "INSERT INTO sampling_item (sampling_run_id, problem_id, wanted)"
    f" SELECT :run, p.id, :k - there.solutions {CHOSEN} AND there.solutions < :k ORDER BY p.id"
)
LOCK = text("SELECT id FROM problem WHERE id = :problem FOR NO KEY UPDATE")
THERE = text(
    "SELECT count(*) FROM solution WHERE problem_id = :problem"
    " AND (CAST(:name AS text) IS NULL OR generator = CAST(:name AS text))"
)


def _source_name(generator: Generator, plan: PoolPlan) -> str | None:
    return generator.name if plan.counting == "generator" else None


def _values(generator: Generator, plan: PoolPlan) -> dict[str, Any]:
    return {
        "name": _source_name(generator, plan), "project": generator.project_id,
        "splits": list(plan.splits),
        "subject": plan.subject, "level": plan.level, "k": plan.per_problem,
    }  # fmt: skip


def preview_plan(db: Session, generator: Generator, plan: PoolPlan) -> dict[str, int]:
    """{"problems", "incomplete", "missing"}: those chosen, those that lack some, how many they lack."""
    return dict(db.execute(PREVIEW, _values(generator, plan)).mappings().one())


def create_items(db: Session, run: SamplingRun) -> None:
    plan = parse_plan(run.config)
    db.execute(OPEN, {**_values(run.generator, plan), "run": run.id})
    total = "SELECT coalesce(sum(wanted), 0) FROM sampling_item WHERE sampling_run_id = :run"
    run.total = db.scalar(text(total), {"run": run.id}) or 0
    if not run.total:
        raise Invalid(
            "No solution is missing: every chosen problem has as many, or none was chosen.",
            remedy="Ask for more solutions a problem, or choose other problems.",
        )


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    plan, config = parse_plan(run.config), parse(run.generator.config)
    missing = plan.per_problem - _existing_count(db, run, item, plan)
    if plan.duplicates == "skip" and item.tries >= PATIENCE * item.wanted + 20:
        item.error = "Only solutions that are there already came."
        return []
    statement = db.get_one(Problem, item.problem_id).statement
    sizes = [config.per_request] * (missing // config.per_request) + [missing % config.per_request]
    return [SampleRequest(statement, count=size) for size in sizes if size > 0] if missing > 0 else []


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
            came.useless.append(str(error))
            continue
        digest = hashlib.sha256("\0".join(sampled.steps).encode()).digest()
        twin = digest in digests
        counts["duplicates"] += twin
        if twin and plan.duplicates == "skip":
            continue
        if counts["made"] >= missing:
            counts["surplus"] += 1
            continue
        digests.add(digest)
        db.add(_solution(run, item, sampled, digest))
        counts["made"] += 1
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
        digest=digest,
        final_answer=sampled.answer,
        detail={"sampling_run": run.id, "finish": sampled.finish},
    )
