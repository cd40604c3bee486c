"""Comparison of two evaluations: the difference with a paired interval, the problems that only one of
them solves, and the solutions that they rank differently."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from app.common.array_statistics import mid_ranks
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.run_lifecycle import record_success
from app.core.run_worker import run_in_worker
from app.evaluation import bootstrap, load_set
from app.evaluation.comparisons import ComparisonKind
from app.evaluation.config import parse_evaluation_config
from app.evaluation.models import Comparison, Evaluation, EvaluationProblem

Floats = NDArray[np.float64]
MOST_SOLUTIONS = 100
CURVES = ("majority", "pass_at_n")


def run(kind: ComparisonKind, comparison_id: int) -> None:
    run_in_worker(kind, comparison_id, _compare)


def _compare(comparison: Comparison) -> None:
    with transaction() as db:
        results = build_comparison(
            db, db.get_one(Evaluation, comparison.first_id), db.get_one(Evaluation, comparison.second_id)
        )
    with transaction() as db:
        record_success(db, comparison.id, comparison.fence, results)


def build_comparison(db: Session, first: Evaluation, second: Evaluation) -> dict[str, Any]:
    """The results as JSON, over the problems that both evaluations contain."""
    config = parse_evaluation_config(first.config)
    baseline, challenger = _problems(db, first), _problems(db, second)
    shared = sorted(baseline.keys() & challenger.keys())
    if not shared:
        if (
            first.results
            and second.results
            and first.results["first_error"]
            and second.results["first_error"]
        ):
            return {"best_of_n": None, "solutions": [], **_step_figures(first, second)}
        raise Invalid("The evaluations have no problem in common.")
    n = sorted(set(baseline[shared[0]].metrics["n"]) & set(challenger[shared[0]].metrics["n"]))

    def values(of: dict[int, Row[Any]], name: str) -> Floats:
        places = [of[shared[0]].metrics["n"].index(size) for size in n]
        return np.array([of[key].metrics[name] for key in shared])[:, places]

    a, b = values(baseline, "best_of"), values(challenger, "best_of")
    difference, better = bootstrap.paired_difference(a, b, times=config.resamples, seed=config.seed)
    drawn = {
        "first": a,
        "second": b,
        **{name: values(challenger, name) for name in CURVES},
    }
    return {
        "best_of_n": {
            "problems": len(shared),
            "n": n,
            "curves": {
                name: bootstrap.mean_interval(curve, times=config.resamples, seed=config.seed).as_json()
                for name, curve in drawn.items()
            },
            "difference": {**difference.as_json(), "better": bootstrap.round_values(better, 4)},
            "picks": count_wins(a[:, -1], b[:, -1]),
            "verdict": describe_difference(difference),
            "groups": _groups(db, shared, a, b, config.resamples, config.seed),
        },
        "solutions": _solutions(db, first, second, shared),
        **_step_figures(first, second),
    }


def _problems(db: Session, of: Evaluation) -> dict[int, Any]:
    chosen = select(EvaluationProblem).where(EvaluationProblem.evaluation_id == of.id)
    return {problem.problem_id: problem for problem in db.scalars(chosen)}


def describe_difference(difference: bootstrap.Interval) -> str:
    """Whether the second model is better or worse at the largest N: unclear if the paired interval
    contains zero."""
    if difference.low[-1] > 0:
        return "better"
    return "worse" if difference.high[-1] < 0 else "unclear"


def count_wins(first: Floats, second: Floats) -> dict[str, int]:
    """Number of problems by which model picks a correct solution (with probability over 0.5) from all
    solutions."""
    a, b = first > 0.5, second > 0.5
    return {
        "both": int((a & b).sum()),
        "first": int((a & ~b).sum()),
        "second": int((~a & b).sum()),
        "neither": int((~a & ~b).sum()),
    }


def _groups(
    db: Session, shared: list[int], a: Floats, b: Floats, times: int, seed: int
) -> list[dict[str, Any]]:
    rows = db.execute(
        text("SELECT id, level, subject FROM problem WHERE id = ANY(:ids) ORDER BY id"), {"ids": shared}
    ).all()
    groups = []
    for by in ("level", "subject"):
        names = [getattr(row, by) for row in rows]
        for name in sorted({name for name in names if name})[:20]:
            members = np.array([label == name for label in names])
            difference, _ = bootstrap.paired_difference(
                a[members, -1:], b[members, -1:], times=times, seed=seed
            )
            groups.append(
                {
                    "by": by,
                    "name": name,
                    "problems": int(members.sum()),
                    "first": float(a[members, -1].mean()),
                    "second": float(b[members, -1].mean()),
                    "difference": {key: value[0] for key, value in difference.as_json().items()},
                }
            )
    return groups


def _step_figures(first: Evaluation, second: Evaluation) -> dict[str, Any]:
    """First-error F1 and calibration error of both evaluations."""
    both_results = [evaluation.results or {} for evaluation in (first, second)]
    return {
        "first_error": [
            {key: first_error[key] for key in ("f1", "low", "high", "solutions")} if first_error else None
            for first_error in (results.get("first_error") for results in both_results)
        ],
        "ece": [
            {step_class["name"]: step_class["before"]["ece"] for step_class in calibration["classes"]}
            if calibration
            else None
            for calibration in (results.get("calibration") for results in both_results)
        ],
    }


def _solutions(db: Session, first: Evaluation, second: Evaluation, shared: list[int]) -> list[dict[str, Any]]:
    """Solutions whose rank within their problem differs most, relative to the number of solutions."""
    ranked: list[dict[int, list[tuple[int, float, str]]]] = []
    for evaluation in (first, second):
        pools: dict[int, list[tuple[int, float, str]]] = defaultdict(list)
        for problem_id, solution_id, score, graded in load_set.main_scores(db, evaluation):
            pools[problem_id].append((solution_id, score, graded))
        ranked.append(pools)
    ranked_apart: list[dict[str, Any]] = []
    for problem_id in shared:
        a, b = ranked[0][problem_id], ranked[1][problem_id]
        if [solution[0] for solution in a] == [solution[0] for solution in b]:
            ranked_apart += _ranks(problem_id, a, b)
    ranked_apart.sort(key=lambda solution: (-solution["apart"], solution["solution_id"]))
    return ranked_apart[:MOST_SOLUTIONS]


def _ranks(
    problem_id: int, a: list[tuple[int, float, str]], b: list[tuple[int, float, str]]
) -> list[dict[str, Any]]:
    first, second = _rank_solutions(a), _rank_solutions(b)
    return [
        {
            "solution_id": solution_id,
            "problem_id": problem_id,
            "verdict": graded,
            "of": len(a),
            "first_place": float(first[index]),
            "second_place": float(second[index]),
            "first_score": _finite_score(score),
            "second_score": _finite_score(b[index][1]),
            "apart": abs(float(first[index] - second[index])) / max(len(a) - 1, 1),
        }
        for index, (solution_id, score, graded) in enumerate(a)
        if first[index] != second[index]
    ]


def _finite_score(log_score: float) -> float | None:
    return float(np.exp(log_score)) if np.isfinite(log_score) else None


def _rank_solutions(solutions: list[tuple[int, float, str]]) -> Floats:
    """Rank 1 for the highest score; ties share their mean rank."""
    return mid_ranks(np.array([-score for _, score, _ in solutions]))
