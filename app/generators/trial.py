"""One sample, looked at and not kept: to see what a generator makes of a problem before it is let loose."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import SamplingItem, SamplingRun
from app.generators.prompts import Ask, Useless, read
from app.generators.sampler import Came
from app.problems.models import Problem


def open_items(db: Session, run: SamplingRun) -> None:
    """Of a problem drawn at random, or the one that is named. Never a test problem."""
    chosen = select(Problem.id).where(Problem.project_id == run.project_id, Problem.split != "test")
    if number := run.config.get("problem_id"):
        chosen = chosen.where(Problem.id == number)
    found = db.scalar(chosen.order_by(func.random()).limit(1))
    if found is None:
        raise Invalid("There is no problem to try it on.", remedy="Import some problems first.")
    db.add(SamplingItem(sampling_run_id=run.id, problem_id=found, wanted=1))
    run.total = 1


def want(db: Session, run: SamplingRun, item: SamplingItem) -> list[Ask]:
    return [] if item.tries else [Ask(db.get_one(Problem, item.problem_id).statement)]


def keep(db: Session, run: SamplingRun, item: SamplingItem, came: Came) -> Counter[str]:
    words, finish = came.answer.texts[0]
    seen = {"problem_id": item.problem_id, "finish": finish, "text": words[:20_000].replace("\0", "")}
    try:
        one = read(parse(run.generator.config), came.ask, words, finish)
        seen |= {"steps": one.steps, "answer": one.answer, "text": ""}
    except Useless as error:
        came.useless.append(str(error))
    run.progress = {**run.progress, "trial": seen}
    return Counter(made=1)
