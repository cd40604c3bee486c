"""Previews what a round would train on and queue. Changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.selection import funnel, gate_check, select_sql
from app.selection.config import RoundConfig
from app.selection.select_in_memory import Selection, interleave
from app.training.models import Model

FIRST = 12
"""Selections shown."""
FEW_LABELS = 50


def preview_round(db: Session, project: Project, config: RoundConfig) -> dict[str, Any]:
    """What the newest model, or the one in the config, would queue. A round that trains a model will
    select with that one, and so differently."""
    model = db.get(Model, config.model_id) if config.model_id else funnel.find_newest_model(db, project.id)
    if model is not None and model.project_id != project.id:
        raise Invalid(f"This project has no model {config.model_id}.")
    gate = gate_check.preview_gate(db, project.id, model, config.gate)
    policy = gate_check.applied_policy(config.policy, gate)
    selections = select_sql.select_solutions(db, project.id, model.id, policy) if model else []
    counts = funnel.count_funnel(db, project.id, model.id if model else None, config.policy.splits)
    labels = funnel.count_labels(db, project.id, config.data.get("generations"))
    return {
        "generation": funnel.next_generation_number(db, project.id),
        "labels": labels,
        "funnel": counts,
        "model": {"id": model.id, "name": model.name} if model else None,
        "trains": config.model_id is None,
        "would_queue": len(selections),
        "problems": len({selection.problem_id for selection in selections}),
        "by_strategy": dict(Counter(selection.strategy for selection in selections)),
        "first": _describe(db, interleave(selections)[:FIRST]),
        "gate": gate.model_dump() if gate else None,
        "warnings": [
            *(_label_warnings(labels) if config.model_id is None else []),
            *_pool_warnings(counts),
            *_size_warnings(config, model, counts, len(selections)),
            *gate_check.gate_warnings(gate),
        ],
    }


def _describe(db: Session, selections: list[Selection]) -> list[dict[str, Any]]:
    """Each with its reason, problem and answer."""
    columns = (Solution.final_answer, Solution.verdict, Problem.statement, Problem.reference_answer)
    rows = db.execute(
        select(Solution.id, *columns)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.id.in_([selection.solution_id for selection in selections]))
    ).mappings()
    by_id = {row["id"]: {name: row[name] for name in row if name != "id"} for row in rows}
    return [
        {
            **selection.reason(),
            "solution_id": selection.solution_id,
            "problem_id": selection.problem_id,
            **by_id[selection.solution_id],
        }
        for selection in selections
    ]


def _label_warnings(labels: dict[str, int]) -> list[str]:
    if not labels["steps"]:
        return ["There are no labels to train on yet."]
    if not labels["negative"]:
        return ["No negative ratings yet; a model cannot learn to detect errors."]
    if labels["solutions"] < FEW_LABELS:
        return [f"Only {labels['solutions']} labeled solutions; the model will be little better than chance."]
    return []


def _pool_warnings(counts: dict[str, int]) -> list[str]:
    if not counts["sampled"]:
        return ["There are no solutions to select from. Import solutions first."]
    if counts["graded"] < counts["sampled"]:
        return [f"{counts['sampled'] - counts['graded']:,} solutions are not graded yet and stay out."]
    return []


def _size_warnings(
    config: RoundConfig, model: Model | None, counts: dict[str, int], selected: int
) -> list[str]:
    size = config.policy.size
    if model is not None and counts["scored"] and selected < size:
        return [f"Only {selected:,} of {size:,} solutions are eligible."]
    return []
