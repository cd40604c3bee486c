"""Pool sampling: each selected problem gets exactly the target number of solutions.

The transaction that stores solutions locks the row of the problem and counts its stored solutions first.
A killed run therefore continues where it stopped, and concurrent processes never exceed the target."""

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
from app.generators.purpose import SamplingPurpose
from app.generators.sampler import SampleResult
from app.problems.models import SPLITS, Problem, Solution

COUNT_FROM = {"generator": "this generator", "pool": "the whole pool"}
DUPLICATES = {"keep": "keep", "skip": "skip and resample"}
PATIENCE = 5
"""Samples per missing solution before a problem fails, if duplicates are skipped."""


@dataclass(frozen=True)
class PoolPlan:
    per_problem: int = 4
    count_from: str = "generator"
    duplicates: str = "keep"
    splits: tuple[str, ...] = ("train",)
    subject: str = ""
    level: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "splits": list(self.splits)}


def parse_plan(payload: dict[str, Any]) -> PoolPlan:
    """A plan from JSON. Raises Invalid for unknown options. Test problems need a run of their own, because
    their solutions are for evaluation only."""
    unknown = sorted(set(payload) - set(PoolPlan.__annotations__))
    if unknown:
        raise Invalid(
            f"Unknown option {unknown[0]!r}.",
            remedy=f"Valid options: {', '.join(PoolPlan.__annotations__)}.",
        )
    plan = PoolPlan(**{**payload, "splits": tuple(payload.get("splits") or PoolPlan.splits)})
    is_integer = isinstance(plan.per_problem, int) and not isinstance(plan.per_problem, bool)
    if not is_integer or not 1 <= plan.per_problem <= 100_000:
        raise Invalid("Solutions per problem must be an integer from 1 to 100,000.")
    for value, choices in ((plan.count_from, COUNT_FROM), (plan.duplicates, DUPLICATES)):
        if value not in choices:
            raise Invalid(
                f"Unknown value {str(value)[:50]!r}.", remedy=f"Valid values: {', '.join(choices)}."
            )
    if not all(isinstance(split, str) and split in SPLITS for split in plan.splits):
        raise Invalid(f"Each split must be one of {', '.join(SPLITS)}.")
    if "test" in plan.splits and set(plan.splits) != {"test"}:
        raise Invalid(
            "Test problems cannot be combined with other splits.",
            remedy="Start a separate run for the test split.",
        )
    for value in (plan.subject, plan.level):
        if not isinstance(value, str) or len(value) > 300 or "\0" in value:
            raise Invalid("Subject and level must be texts with at most 300 characters.")
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


def _values(generator: Generator, plan: PoolPlan) -> dict[str, Any]:
    return {
        "name": _source_name(generator, plan), "project": generator.project_id,
        "splits": list(plan.splits),
        "subject": plan.subject, "level": plan.level, "k": plan.per_problem,
    }  # fmt: skip


def preview_plan(db: Session, generator: Generator, plan: PoolPlan) -> dict[str, int]:
    """{"problems", "incomplete", "missing"}: selected problems, those below the target, missing solutions."""
    return dict(db.execute(PREVIEW, _values(generator, plan)).mappings().one())


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
        digest=digest,
        final_answer=sampled.answer,
        detail={"sampling_run": run.id, "finish": sampled.finish},
    )


class PoolPurpose(SamplingPurpose):
    name, label, title, unit = "pool", "Pool", "Pool sampling", "problems"
    adds_to_pool = True
    create_items = staticmethod(create_items)
    next_requests = staticmethod(next_requests)
    store = staticmethod(store)
