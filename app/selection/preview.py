"""Previews what a round would train on and queue. Changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.api import Answer
from app.core.errors import Invalid
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.selection import funnel, gate_check, select_sql
from app.selection.config import RoundConfig
from app.selection.funnel import FunnelCounts, LabelCounts
from app.selection.gate import GateResult
from app.selection.select_in_memory import Selection, interleave
from app.training.models import Model

FIRST = 12
"""Selections shown."""
FEW_LABELS = 50


class ModelReference(Answer):
    """A model by its ID and name."""

    id: int
    """ID of the model."""
    name: str
    """Its name."""


class SelectedSolution(Answer):
    """A solution that would be queued, and why."""

    solution_id: int
    """The solution."""
    problem_id: int
    """Its problem."""
    strategy: str
    """The strategy that selected it."""
    score: float | None
    """Its score. Null for a strategy without scores."""
    rank: int
    """Its place among the selections of the strategy, from 1."""
    model_id: int | None
    """The model that selected it."""
    position: int | None = None
    """0-based step it was selected for. Null where the strategy goes by solution."""
    statement: str
    """The problem's statement."""
    reference_answer: str | None
    """The problem's reference answer."""
    final_answer: str | None
    """The solution's final answer."""
    verdict: str | None
    """correct, incorrect or unparseable. Null while ungraded."""


class RoundPreview(Answer):
    """What a round would train on and queue."""

    generation: int
    """Number of the generation it would queue."""
    labels: LabelCounts
    """The labels it would train on."""
    funnel: FunnelCounts
    """From sampled to eligible."""
    model: ModelReference | None
    """The model that selects in this preview. Null if there is none yet."""
    trains: bool
    """Whether the round would train a model, and select differently."""
    would_queue: int
    """Solutions that would be queued."""
    problems: int
    """Their problems."""
    by_strategy: dict[str, int]
    """Solutions that would be queued, by strategy."""
    first: list[SelectedSolution]
    """The first of them, at most 12."""
    gate: GateResult | None
    """Whether this model may select. Null where that is not known yet."""
    warnings: list[str]
    """What to look at before the start."""


def preview_round(db: Session, project: Project, config: RoundConfig) -> RoundPreview:
    """What the newest model, or the one in the config, would queue. A round that trains a model will
    select with that one, and so differently."""
    model = db.get(Model, config.model_id) if config.model_id else funnel.find_newest_model(db, project.id)
    if model is not None and model.project_id != project.id:
        raise Invalid(f"This project has no model {config.model_id}.")
    gate = gate_check.preview_gate(db, project.id, model, config.gate)
    policy = gate_check.applied_policy(config.policy, gate)
    selections = select_sql.select_solutions(db, project.id, model.id, policy) if model else []
    counts = funnel.count_funnel(db, project.id, model.id if model else None, config.policy.splits)
    labels = funnel.count_labels(db, project.id, config.data.generations)
    return RoundPreview(
        generation=funnel.next_generation_number(db, project.id),
        labels=labels,
        funnel=counts,
        model=ModelReference.model_validate(model) if model else None,
        trains=config.model_id is None,
        would_queue=len(selections),
        problems=len({selection.problem_id for selection in selections}),
        by_strategy=dict(Counter(selection.strategy for selection in selections)),
        first=_describe(db, interleave(selections)[:FIRST]),
        gate=gate,
        warnings=[
            *(_label_warnings(labels) if config.model_id is None else []),
            *_pool_warnings(counts),
            *_size_warnings(config, model, counts, len(selections)),
            *gate_check.gate_warnings(gate),
        ],
    )


def _describe(db: Session, selections: list[Selection]) -> list[SelectedSolution]:
    columns = (Solution.final_answer, Solution.verdict, Problem.statement, Problem.reference_answer)
    rows = db.execute(
        select(Solution.id, *columns)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.id.in_([selection.solution_id for selection in selections]))
    ).mappings()
    by_id = {row["id"]: row for row in rows}
    return [
        SelectedSolution.model_validate({**by_id[selection.solution_id], **asdict(selection)})
        for selection in selections
    ]


def _label_warnings(labels: LabelCounts) -> list[str]:
    if not labels.steps:
        return ["There are no labels to train on yet."]
    if not labels.negative:
        return ["No negative ratings yet; a model cannot learn to detect errors."]
    if labels.solutions < FEW_LABELS:
        return [f"Only {labels.solutions} labeled solutions; the model will be little better than chance."]
    return []


def _pool_warnings(counts: FunnelCounts) -> list[str]:
    if not counts.sampled:
        return ["There are no solutions to select from. Import solutions first."]
    if counts.graded < counts.sampled:
        return [f"{counts.sampled - counts.graded:,} solutions are not graded yet and stay out."]
    return []


def _size_warnings(
    config: RoundConfig, model: Model | None, counts: FunnelCounts, selected: int
) -> list[str]:
    size = config.policy.size
    if model is not None and counts.scored and selected < size:
        return [f"Only {selected:,} of {size:,} solutions are eligible."]
    return []
