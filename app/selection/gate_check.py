"""The gate in the database: the result for a round's model, and what is queued because of it.

The figures come from the model's evaluation on the project's default set, which starts after every
scoring. Problems the model was trained on are excluded there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evaluation import sets
from app.evaluation.models import Evaluation, EvaluationProblem
from app.selection.config import Policy, RoundConfig
from app.selection.gate import (
    INCONCLUSIVE,
    GateConfig,
    GateResult,
    ProblemAccuracy,
    applied_shares,
    check_selector,
)
from app.training.models import Model


def evaluate_gate(db: Session, project_id: int, model_id: int, gate: GateConfig) -> GateResult | None:
    """None while the model's evaluation is queued or running."""
    default_set = sets.find_default(db, project_id)
    if default_set is None:
        return _inconclusive(gate, "The project has no default evaluation set.")
    evaluation = db.scalar(
        select(Evaluation)
        .where(Evaluation.evaluation_set_id == default_set.id, Evaluation.model_id == model_id)
        .order_by((Evaluation.state == "succeeded").desc(), Evaluation.id.desc())
        .limit(1)
    )
    if evaluation is None:
        return _inconclusive(gate, "The model was not evaluated on the default evaluation set.")
    if evaluation.state in ("queued", "running"):
        return None
    if evaluation.state != "succeeded":
        reason = f"The model's evaluation {evaluation.state}. {evaluation.error or ''}".strip()
        return _inconclusive(gate, reason)
    problems, n = _load_problems(db, evaluation)
    return _with_action(gate, check_selector(problems, n, gate, seed=model_id))


def _inconclusive(gate: GateConfig, reason: str) -> GateResult:
    return _with_action(gate, GateResult(verdict=INCONCLUSIVE, reason=reason))


def _with_action(gate: GateConfig, result: GateResult) -> GateResult:
    return result.model_copy(update={"action": gate.action_after(result.verdict)})


def _load_problems(db: Session, evaluation: Evaluation) -> tuple[list[ProblemAccuracy], int]:
    """At the evaluation's largest N."""
    columns = select(EvaluationProblem.solutions, EvaluationProblem.correct, EvaluationProblem.metrics)
    rows = db.execute(columns.where(EvaluationProblem.evaluation_id == evaluation.id)).all()
    problems = [
        ProblemAccuracy(solutions, correct / solutions, metrics["best_of"][-1], metrics["majority"][-1])
        for solutions, correct, metrics in rows
    ]
    return problems, int(rows[0].metrics["n"][-1]) if rows else 0


def preview_gate(db: Session, project_id: int, model: Model | None, gate: GateConfig) -> GateResult | None:
    """For a preview: the result for an existing model. None where it cannot be known yet."""
    default_set = sets.find_default(db, project_id)
    if model is None or (default_set is not None and not _is_evaluated(db, default_set.id, model.id)):
        return None
    return evaluate_gate(db, project_id, model.id, gate)


def _is_evaluated(db: Session, set_id: int, model_id: int) -> bool:
    evaluations = select(Evaluation.id).where(
        Evaluation.evaluation_set_id == set_id, Evaluation.model_id == model_id
    )
    return db.scalar(evaluations.limit(1)) is not None


def load_result(stored: dict[str, Any] | None) -> GateResult | None:
    """From the JSON of a round or a generation."""
    return GateResult.model_validate(stored) if stored else None


def applied_policy(requested: Policy, gate: GateResult | None) -> Policy:
    """The policy that is followed after the gate."""
    if gate is None or gate.action == "proceed":
        return requested
    return requested.model_copy(update={"shares": applied_shares(requested.shares, gate.action)})


def gate_reason(gate: GateResult | None) -> dict[str, str]:
    """What every task of the generation stores of it: nothing where the gate passed."""
    return {} if gate is None or gate.passed else {"gate": gate.sentence}


def applied_policy_to_json(config: RoundConfig, gate: GateResult | None) -> dict[str, Any]:
    """The generation's policy as applied, with the requested shares and the gate's result."""
    requested: dict[str, Any] = config.as_json()["policy"]
    if gate is None:
        return requested
    return {
        **requested,
        "shares": applied_policy(config.policy, gate).shares,
        "requested_shares": requested["shares"],
        "gate": gate.model_dump(),
    }


def gate_warnings(gate: GateResult | None) -> list[str]:
    """For a preview."""
    return [] if gate is None or gate.passed else [f"{gate.headline} {gate.reason} {gate.consequence}"]
