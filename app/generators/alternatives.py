"""Alternatives for the steps of a solution, sampled before it is queued, so labelers never wait for a model.
The transaction that completes the alternatives also creates the task.

An alternative continues the solution's own prefix. In the mode `alternatives`, complete continuations are
sampled: the first step of each is the alternative, and its further steps are stored after it, so labeling
can continue from there. In other modes only one step is sampled. Duplicates of the solution's step or of
another alternative are dropped. After a few more samples, fewer alternatives are enough."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import orjson
from pydantic import Field
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from app.common.config import Config
from app.core.errors import Invalid
from app.generators.config import parse
from app.generators.models import SamplingItem, SamplingRun
from app.generators.prompts import SampleRequest, UnusableSample, parse_completion
from app.generators.purpose import SamplingPurpose
from app.generators.sampler import SampleResult
from app.labeling.initial_queue import TASK_OVERLAP, overlap_params
from app.problems.models import Alternative, Problem, Solution
from app.projects.models import Project

PATIENCE = 3
"""Samples per missing alternative before fewer are accepted."""
DEEPEST = 200
LOCK = text("SELECT id FROM solution WHERE id = :solution FOR NO KEY UPDATE")
THERE = text("SELECT position, text FROM alternative WHERE solution_id = :solution AND 0 = ALL(prefix)")
TASK = text(
    f"""INSERT INTO task (project_id, solution_id, generation, priority, overlap, reason)
        SELECT s.project_id, s.id, :generation, :priority, {TASK_OVERLAP}, CAST(:reason AS jsonb)
        FROM solution s JOIN problem p ON p.id = s.problem_id AND p.split <> 'test'
        WHERE s.id = :solution ON CONFLICT DO NOTHING RETURNING id"""  # noqa: S608  the part is ours
)


class AlternativesConfig(Config):
    """How a run makes alternatives."""

    former_names = {"candidates": "alternative_count", "behind": "to_end"}  # noqa: RUF012  a ClassVar of the base

    alternative_count: Annotated[int, Field(ge=1, le=20)]
    """Alternatives per step."""
    positions: Literal["every", "suspect"]
    """Every step, or the suspected step only."""
    to_end: bool
    """Whether the steps after an alternative are stored as well."""


def create_items(db: Session, run: SamplingRun) -> None:
    """The caller adds the items (alternative_settings.py)."""
    if not parse(run.generator.config).supports_continuations:
        raise Invalid(
            f"{run.generator.name} does not support continuations.",
            remedy="Use a completions endpoint or enable prefill.",
        )


def next_requests(db: Session, run: SamplingRun, item: SamplingItem) -> list[SampleRequest]:
    """Requests for the missing alternatives at each position, after the solution's own prefix."""
    if item.sample_count >= PATIENCE * item.target_count:
        return []
    solution = db.get_one(Solution, item.solution_id)
    statement = db.get_one(Problem, item.problem_id).statement
    existing_texts = _existing_texts(db, solution.id)
    plan, asks = AlternativesConfig.parse(run.config), []
    for position in requested_positions(item, len(solution.steps)):
        missing = plan.alternative_count - len(existing_texts.get(position, ()))
        if missing > 0:
            begun = tuple(solution.steps[:position])
            asks.append(SampleRequest(statement, begun, missing, not plan.to_end, position))
    return asks


def requested_positions(item: SamplingItem, steps: int) -> list[int]:
    """All positions, or those that the item names."""
    named = (item.detail or {}).get("positions")
    return (
        list(range(min(steps, DEEPEST)))
        if named is None
        else [position for position in named if position < steps]
    )


def _existing_texts(db: Session, solution_id: int) -> dict[int, set[str]]:
    """Position -> texts of the alternatives after the solution's own prefix, without its own step."""
    texts: dict[int, set[str]] = {}
    for row in db.execute(THERE, {"solution": solution_id}):
        texts.setdefault(row.position, set()).add(row.text.strip())
    return texts


def store(db: Session, run: SamplingRun, item: SamplingItem, came: SampleResult) -> Counter[str]:
    config, counts, position = parse(run.generator.config), Counter[str](), came.ask.position
    db.execute(LOCK, {"solution": item.solution_id})
    steps = db.get_one(Solution, item.solution_id).steps
    existing_texts = _existing_texts(db, item.solution_id or 0).get(position, set())
    missing = AlternativesConfig.parse(run.config).alternative_count - len(existing_texts)
    texts = {steps[position].strip(), *existing_texts}
    for completion, finish in came.answer.texts:
        try:
            sampled = parse_completion(config, came.ask, completion, finish).steps
        except UnusableSample as error:
            came.unusable.append(str(error))
            continue
        if sampled[0].strip() in texts:
            counts["duplicates"] += 1
        elif counts["stored"] >= missing:
            counts["surplus"] += 1
        else:
            texts.add(sampled[0].strip())
            _add(db, run, item, position, sampled[:DEEPEST])
            counts["stored"] += 1
    return counts


def _add(db: Session, run: SamplingRun, item: SamplingItem, position: int, sampled: list[str]) -> None:
    """Store the alternative, and its further steps as single alternatives at the following positions."""
    numbers = select(Alternative.position, func.max(Alternative.candidate)).where(
        Alternative.solution_id == item.solution_id, Alternative.position >= position
    )
    last = {row[0]: row[1] for row in db.execute(numbers.group_by(Alternative.position))}
    prefix, rows = [0] * position, []
    for place, step in enumerate(sampled, start=position):
        number = last.get(place, 0) + 1
        rows.append(
            {"solution_id": item.solution_id, "position": place, "candidate": number, "prefix": list(prefix),
             "text": step, "source": run.generator.name}
        )  # fmt: skip
        prefix.append(number)
    db.execute(insert(Alternative), rows)


def finish_item(db: Session, run: SamplingRun, item: SamplingItem) -> None:
    """Queue the solution with the alternatives it has."""
    queue_solution(db, db.get_one(Project, run.project_id), item)


def queue_solution(db: Session, project: Project, item: SamplingItem) -> bool:
    """Create the task that waited for alternatives. False if the task exists already."""
    task = (item.detail or {}).get("task")
    if task is None:
        return False
    values = {**task, "reason": orjson.dumps(task["reason"]).decode(), "solution": item.solution_id}
    return db.scalar(TASK, {**values, **overlap_params(project)}) is not None


class AlternativesPurpose(SamplingPurpose):
    name, label, title, unit = "alternatives", "Alternatives", "Alternatives", "solutions"
    config = AlternativesConfig
    queues_solutions = True
    create_items = staticmethod(create_items)
    next_requests = staticmethod(next_requests)
    store = staticmethod(store)
    finish_item = staticmethod(finish_item)
