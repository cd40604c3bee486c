"""The gate in the database: what validation says of a round's model, and what is queued because of it.

The figures are those of the model's evaluation on the project's default set, which every scoring
starts; problems the model learned from are left out there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evaluation import sets
from app.evaluation.models import Evaluation, EvaluationProblem
from app.selection.config import Policy, RoundConfig
from app.selection.gate import (
    INCONCLUSIVE,
    PASSED,
    GateConfig,
    GateResult,
    ProblemAccuracy,
    applied_shares,
    check_selector,
)
from app.training.models import Model

INSTEAD = {
    "uniform": "the queue is drawn at random instead",
    "mixture": "half of the queue is drawn at random",
    "none": "the policy is followed all the same",
}


def evaluate_gate(db: Session, project_id: int, model_id: int, gate: GateConfig) -> GateResult | None:
    """None while the model's evaluation is under way."""
    main = sets.default(db, project_id)
    newest = (
        select(Evaluation)
        .where(Evaluation.evaluation_set_id == (main.id if main else 0), Evaluation.model_id == model_id)
        .order_by((Evaluation.state == "succeeded").desc(), Evaluation.id.desc())
    )
    evaluation = db.scalar(newest.limit(1))
    if main is None:
        return GateResult(INCONCLUSIVE, "There are no validation problems with several graded solutions.")
    if evaluation is None:
        return GateResult(INCONCLUSIVE, "It was not judged on the default evaluation set.")
    if evaluation.state in ("queued", "running"):
        return None
    if evaluation.state != "succeeded":
        return GateResult(
            INCONCLUSIVE, f"Its evaluation {evaluation.state}. {evaluation.error or ''}".strip()
        )
    problems, n = _problems(db, evaluation)
    return check_selector(problems, n, gate, seed=model_id)


def _problems(db: Session, evaluation: Evaluation) -> tuple[list[ProblemAccuracy], int]:
    """At the largest N that the evaluation has; its smallest is 1, which is a blind draw."""
    asked = select(EvaluationProblem.solutions, EvaluationProblem.right, EvaluationProblem.values)
    rows = db.execute(asked.where(EvaluationProblem.evaluation_id == evaluation.id)).all()
    found = [
        ProblemAccuracy(solutions, right / solutions, values["best_of"][-1], values["majority"][-1])
        for solutions, right, values in rows
    ]
    return found, int(rows[0].values["n"][-1]) if rows else 0


def preview_gate(db: Session, project_id: int, model: Model | None, gate: GateConfig) -> dict[str, Any]:
    """For a preview: what the gate would say of a model that is there; empty where nothing is known."""
    main = sets.default(db, project_id)
    if model is None or (main is not None and not _judged(db, main.id, model.id)):
        return {}
    found = evaluate_gate(db, project_id, model.id, gate)
    return {**found.as_json(), "instead": gate.action_after(found.verdict)} if found else {}


def _judged(db: Session, set_id: int, model_id: int) -> bool:
    there = select(Evaluation.id).where(
        Evaluation.evaluation_set_id == set_id, Evaluation.model_id == model_id
    )
    return db.scalar(there.limit(1)) is not None


def applied_policy(asked: Policy, gate: dict[str, Any]) -> Policy:
    """The policy that is followed after what the gate found."""
    instead = gate.get("instead", "none")
    return asked if instead == "none" else replace(asked, shares=applied_shares(asked.shares, instead))


def gate_reason(gate: dict[str, Any]) -> dict[str, str]:
    """What every task remembers of it: nothing where the model is competent."""
    if not gate or gate["verdict"] == PASSED:
        return {}
    return {"gate": gate_sentence(gate)}


def applied_policy_to_json(config: RoundConfig, gate: dict[str, Any]) -> dict[str, Any]:
    """The generation's policy as it was followed, with what was asked and what the gate found."""
    kept: dict[str, Any] = config.as_json()["policy"]
    if not gate:
        return kept
    return {
        **kept,
        "shares": applied_policy(config.policy, gate).shares,
        "asked": kept["shares"],
        "gate": gate,
    }


def gate_sentence(gate: dict[str, Any]) -> str:
    """One sentence for pages and reasons."""
    about = "is not competent" if gate["verdict"] != INCONCLUSIVE else "could not be checked"
    return f"the selector {about}: {INSTEAD[gate['instead']]}"


def gate_warnings(gate: dict[str, Any]) -> list[str]:
    """For a preview."""
    if not gate or gate["verdict"] == PASSED:
        return []
    return [f"{gate['why']} {gate_sentence(gate).capitalize()}."]
