"""Reads of evaluations for pages and the API."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.evaluation import result_plots, sets
from app.evaluation.models import Comparison, Evaluation, EvaluationSet
from app.evaluation.plots import Plot
from app.problems.models import Problem, Solution
from app.training.models import Model


def get_name(db: Session, evaluation: Evaluation) -> str:
    if evaluation.model_id is not None:
        return db.get_one(Model, evaluation.model_id).name
    return (
        f"External scores: {evaluation.external_score_name}"
        if evaluation.external_score_name
        else (evaluation.external_folder or "")
    )


def list_evaluations(
    db: Session, project_id: int, *, set_id: int | None = None, model_id: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Evaluations, newest first, with set, model and key figures."""
    query = (
        select(Evaluation, EvaluationSet, Model)
        .join(EvaluationSet, EvaluationSet.id == Evaluation.evaluation_set_id)
        .outerjoin(Model, Model.id == Evaluation.model_id)
        .where(Evaluation.project_id == project_id)
        .order_by(Evaluation.id.desc())
        .limit(limit)
    )
    if set_id is not None:
        query = query.where(Evaluation.evaluation_set_id == set_id)
    if model_id is not None:
        query = query.where(Evaluation.model_id == model_id)
    return [
        {
            "evaluation": evaluation,
            "set": frozen,
            "model": model,
            "name": model.name if model else get_name(db, evaluation),
            **key_figures(evaluation.results),
        }
        for evaluation, frozen, model in db.execute(query)
    ]


def key_figures(results: dict[str, Any] | None) -> dict[str, Any]:
    """{"best": {"n", "mean", "low", "high", "majority", "pass_at_n"}, "f1", "ece"}; null where unknown."""
    figures: dict[str, Any] = {"best": None, "f1": None, "ece": None}
    if results is None:
        return figures
    if best := results["best_of_n"]:
        last = {part: best["curves"]["best_of"][part][-1] for part in ("mean", "low", "high")}
        others = {name: best["curves"][name]["mean"][-1] for name in ("majority", "pass_at_n")}
        figures["best"] = {"n": best["n"][-1], **last, **others}
    if first_error := results["first_error"]:
        figures["f1"] = first_error["f1"]
    if calibration := results["calibration"]:
        figures["ece"] = calibration["classes"][0]["before"]["ece"]
    return figures


def find_newest(db: Session, project_id: int, model_id: int) -> Evaluation | None:
    """The newest succeeded evaluation of a model, on the default set if possible."""
    main = sets.find_default(db, project_id)
    done = (
        select(Evaluation)
        .where(Evaluation.model_id == model_id, Evaluation.state == "succeeded")
        .order_by(Evaluation.id.desc())
        .limit(1)
    )
    on_main = db.scalar(done.where(Evaluation.evaluation_set_id == main.id)) if main else None
    return on_main or db.scalar(done)


def list_plots(evaluation: Evaluation) -> list[Plot]:
    return result_plots.evaluation_plots(evaluation.results or {}, evaluation.config.get("top_k", 0))


def load_pair(db: Session, comparison: Comparison) -> list[Evaluation]:
    return [db.get_one(Evaluation, key) for key in (comparison.first_id, comparison.second_id)]


def get_pair_names(db: Session, comparison: Comparison) -> tuple[str, str]:
    first, second = (get_name(db, evaluation) for evaluation in load_pair(db, comparison))
    if first == second:
        return f"{first} ({comparison.first_id})", f"{second} ({comparison.second_id})"
    return first, second


def list_comparison_plots(db: Session, comparison: Comparison) -> list[Plot]:
    return result_plots.comparison_plots(comparison.results or {}, *get_pair_names(db, comparison))


def find_plot(plots: list[Plot], slug: str) -> Plot:
    for plot in plots:
        if plot.slug == slug:
            return plot
    raise NotFound("Plot not found.")


def load_solutions(db: Session, results: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Solutions that two models rank differently, with statement and final answer."""
    ranked = (results or {}).get("solutions") or []
    rows = db.execute(
        select(Solution.id, Solution.final_answer, Problem.statement)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.id.in_([solution["solution_id"] for solution in ranked]))
    )
    by_id = {row.id: row for row in rows}
    return [
        {
            **solution,
            "statement": by_id[solution["solution_id"]].statement,
            "answer": by_id[solution["solution_id"]].final_answer,
        }
        for solution in ranked
        if solution["solution_id"] in by_id
    ]


def list_rivals(db: Session, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Other succeeded evaluations on the same set: other models first, then newest first."""
    candidates = list_evaluations(db, evaluation.project_id, set_id=evaluation.evaluation_set_id)
    others = [
        row
        for row in candidates
        if row["evaluation"].id != evaluation.id and row["evaluation"].state == "succeeded"
    ]
    subject = (evaluation.model_id, evaluation.external_score_name)
    return sorted(
        others, key=lambda row: (row["evaluation"].model_id, row["evaluation"].external_score_name) == subject
    )
