"""One sample, looked at and not kept: to see what a generator makes of a problem before it is let loose."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest, UnusableSample, parse_completion
from app.generators.sampler import SampleResult
from app.problems.models import Problem


def create_items(db: Session, run: SamplingRun) -> None:
    """Of a problem drawn at random, or the one that is named. Never a test problem."""
    chosen = select(Problem.id).where(Problem.project_id == run.project_id, Problem.split != "test")
    if number := run.config.get("problem_id"):
        chosen = chosen.where(Problem.id == number)
    problem_id = db.scalar(chosen.order_by(func.random()).limit(1))
    if problem_id is None:
        raise Invalid("There is no problem to try it on.", remedy="Import some problems first.")
    db.add(SamplingItem(sampling_run_id=run.id, problem_id=problem_id, wanted=1))
    run.total = 1


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    return [] if item.tries else [SampleRequest(db.get_one(Problem, item.problem_id).statement)]


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    completion, finish = came.answer.texts[0]
    seen = {"problem_id": item.problem_id, "finish": finish, "text": completion[:20_000].replace("\0", "")}
    try:
        sampled = parse_completion(parse(run.generator.config), came.ask, completion, finish)
        seen |= {"steps": sampled.steps, "answer": sampled.answer, "text": ""}
    except UnusableSample as error:
        came.useless.append(str(error))
    run.progress = {**run.progress, "trial": seen}
    return Counter(made=1)
