"""A trial: one sample that is shown and not stored, to check the settings of a generator."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.common.config import Config
from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest, UnusableSample, parse_completion
from app.generators.purpose import SamplingPurpose
from app.generators.sampler import SampleResult
from app.problems.models import Problem


class TrialConfig(Config):
    """What a trial samples."""

    problem_id: Annotated[int, Field(gt=0)] | None = None
    """The problem to sample. Null: a random one."""


def create_items(db: Session, run: SamplingRun) -> None:
    """Add a random problem, or the one in the config. Never a test problem."""
    chosen = select(Problem.id).where(Problem.project_id == run.project_id, Problem.split != "test")
    if (number := TrialConfig.parse(run.config).problem_id) is not None:
        chosen = chosen.where(Problem.id == number)
    problem_id = db.scalar(chosen.order_by(func.random()).limit(1))
    if problem_id is None:
        raise Invalid("No problems to sample from.", remedy="Import problems first.")
    db.add(SamplingItem(sampling_run_id=run.id, problem_id=problem_id, target_count=1))
    run.total = 1


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    return [] if item.sample_count else [SampleRequest(db.get_one(Problem, item.problem_id).statement)]


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    completion, finish = came.answer.texts[0]
    seen = {"problem_id": item.problem_id, "finish": finish, "text": completion[:20_000].replace("\0", "")}
    try:
        sampled = parse_completion(parse(run.generator.config), came.ask, completion, finish)
        seen |= {"steps": sampled.steps, "answer": sampled.answer, "text": ""}
    except UnusableSample as error:
        came.unusable.append(str(error))
    run.progress = {**run.progress, "trial": seen}
    return Counter(stored=1)


class TrialPurpose(SamplingPurpose):
    name, label, title, unit = "trial", "Trial", "Trial", "problems"
    is_trial = True
    config = TrialConfig
    create_items = staticmethod(create_items)
    next_requests = staticmethod(next_requests)
    store = staticmethod(store)
