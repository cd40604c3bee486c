"""Load the items of a set with the scores that an evaluation needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.evaluation.config import EvaluationConfig, parse_evaluation_config
from app.evaluation.coverage import Coverage
from app.evaluation.models import Evaluation, EvaluationSet
from app.evaluation.report import EvaluatedProblem, ProblemPool
from app.evaluation.solution_scores import (
    SCORE_VARIANTS,
    Floats,
    compute_log_scores,
    squash_scores,
    variant_index,
)
from app.evaluation.step_metrics import LabeledSolution
from app.problems.step_kinds import select_rated
from app.training.models import Model

BATCH = 2_000
SELECT_ITEMS = text(
    """SELECT i.problem_id, i.solution_id, i.verdict, i.answer, i.first_error, i.ratings,
              p.level, p.subject, p.source, cardinality(s.steps) AS steps, s.step_kinds,
              c.log_score, c.step_probs, s.detail -> CAST(:score_name AS text) AS external_score
       FROM evaluation_item i JOIN problem p ON p.id = i.problem_id
       JOIN solution s ON s.id = i.solution_id
       LEFT JOIN score c ON c.model_id = :model_id AND c.solution_id = i.solution_id
       WHERE i.evaluation_set_id = :set_id AND i.problem_id <> ALL(:excluded)
       ORDER BY i.problem_id, i.solution_id"""
)
SELECT_TRAINED_ON = text(
    """SELECT DISTINCT i.problem_id, o.split FROM evaluation_item i JOIN problem p ON p.id = i.problem_id
       JOIN problem q ON q.project_id = p.project_id AND q.statement_hash = p.statement_hash
       JOIN snapshot_item o ON o.problem_id = q.id AND o.snapshot_id = :snapshot_id
       WHERE i.evaluation_set_id = :set_id"""
)
COUNT_UNSCORED = text(
    """SELECT count(*) FROM evaluation_item i
       WHERE i.evaluation_set_id = :set_id
         AND NOT EXISTS (SELECT FROM score c
                         WHERE c.model_id = :model_id AND c.solution_id = i.solution_id)"""
)
SELECT_SEEN = text(
    """SELECT EXISTS (
         SELECT FROM scoring_run s JOIN run r ON r.id = s.run_id
         WHERE s.model_id = :model_id AND r.state = 'succeeded'
           AND r.config -> 'splits' @> CAST(:splits AS jsonb)
           AND r.created_at >= (SELECT max(s.created_at) FROM evaluation_item i
                                JOIN solution s ON s.id = i.solution_id
                                WHERE i.evaluation_set_id = :set_id))"""
)


@dataclass
class EvaluationData:
    pool: ProblemPool
    labeled: list[LabeledSolution] = field(default_factory=list)
    excluded: dict[str, int] = field(default_factory=dict)
    graded_coverage: Coverage = field(default_factory=Coverage)
    """Of the graded solutions, for best-of-N and votes."""
    labeled_coverage: Coverage = field(default_factory=Coverage)
    """Of the solutions with labels, for first errors and calibration."""


def count_unscored(db: Session, set_id: int, model_id: int) -> int:
    return db.scalar(COUNT_UNSCORED, {"set_id": set_id, "model_id": model_id}) or 0


def was_scored_since(db: Session, frozen: EvaluationSet, model_id: int) -> bool:
    """Whether a scoring run of the model succeeded after the newest solution of the set was added."""
    splits = json.dumps(frozen.definition["splits"])
    return bool(db.scalar(SELECT_SEEN, {"set_id": frozen.id, "model_id": model_id, "splits": splits}))


def load_evaluation_data(db: Session, evaluation: Evaluation, config: EvaluationConfig) -> EvaluationData:
    """The data of an evaluation. Problems that the model was trained on are excluded and counted, and so
    are problems with the same statement."""
    model = db.get(Model, evaluation.model_id) if evaluation.model_id else None
    trained_on, selected_on = _trained_on(db, evaluation.evaluation_set_id, model)
    parameters = {
        "set_id": evaluation.evaluation_set_id,
        "model_id": evaluation.model_id or 0,
        "score_name": evaluation.external_score_name or "",
        "excluded": sorted(trained_on),
    }
    rows = db.execute(SELECT_ITEMS.execution_options(yield_per=BATCH), parameters)
    ways, main = _ways(evaluation, model, config)
    data = EvaluationData(
        ProblemPool([], ways, main), [], {"trained_on": len(trained_on), "selected_on": len(selected_on)}
    )
    for _, group in groupby(rows, key=lambda row: row.problem_id):
        _add(data, list(group), evaluation, model)
    if evaluation.external_score_name:
        _squash(data.pool.problems)
    if not data.labeled and not data.pool.problems:
        raise Invalid(
            f"No solution of the set has a score named {evaluation.external_score_name!r}."
            if evaluation.external_score_name
            else "No data left: the model was trained on all of the set, or no solution has a score.",
            remedy="Choose another set.",
        )
    return data


def _trained_on(db: Session, set_id: int, model: Model | None) -> tuple[set[int], set[int]]:
    """Problems of the set that the model was trained on, and problems its checkpoint was selected on."""
    if model is None or model.snapshot_id is None:
        return set(), set()
    rows = db.execute(SELECT_TRAINED_ON, {"set_id": set_id, "snapshot_id": model.snapshot_id}).all()
    learned = {problem_id for problem_id, split in rows if split == "train"}
    return learned, {problem_id for problem_id, _ in rows} - learned


def _ways(
    evaluation: Evaluation, model: Model | None, config: EvaluationConfig
) -> tuple[tuple[tuple[str, bool | None], ...], int]:
    """Score variants of the evaluation, and the index of the main one. An ORM scores the last token;
    external scores are used unchanged."""
    if evaluation.external_score_name:
        return (("external", None),), 0
    if model is not None and model.kind == "orm":
        return (("last", None),), 0
    return SCORE_VARIANTS, variant_index(config.aggregate, config.neutral_is_positive)


def _add(data: EvaluationData, rows: list[Row[Any]], evaluation: Evaluation, model: Model | None) -> None:
    graded = [row for row in rows if row.verdict is not None]
    if len(graded) > 1:
        _add_graded(data, graded, _scores(graded, evaluation, model))
    if evaluation.external_score_name or (model is not None and model.kind == "orm"):
        return
    labeled = list(_labeled(rows))
    has_label = sum(row.first_error is not None or bool(row.ratings) for row in rows)
    data.labeled_coverage.add(len(labeled), has_label)
    data.labeled += labeled


def _add_graded(data: EvaluationData, graded: list[Row[Any]], scores: Floats) -> None:
    """A problem without any scored solution is left out and counted."""
    scored = int(np.isfinite(scores[data.pool.main]).sum())
    data.graded_coverage.add(scored, len(graded))
    if not scored:
        data.graded_coverage.unscored_problems += 1
        return
    data.pool.problems.append(
        EvaluatedProblem(
            problem_id=graded[0].problem_id,
            scores=scores,
            right=np.array([row.verdict == "correct" for row in graded]),
            answers=np.array([row.answer for row in graded], dtype=np.int64),
            solution_ids=[row.solution_id for row in graded],
            verdicts=[row.verdict for row in graded],
            level=graded[0].level,
            subject=graded[0].subject,
        )
    )


def _scores(graded: list[Row[Any]], evaluation: Evaluation, model: Model | None) -> Floats:
    """[ways, solutions]."""
    if evaluation.external_score_name:
        return np.array([[parse_external_score(row.external_score) for row in graded]])
    scored = [place for place, row in enumerate(graded) if row.step_probs]
    logs = compute_log_scores(
        [select_rated(graded[place].step_probs, graded[place].step_kinds) for place in scored]
    )
    if model is not None and model.kind == "orm":
        logs = logs[[variant_index("last", True)]]
    scores = np.full((len(logs), len(graded)), -np.inf)
    scores[:, scored] = logs
    return scores


def parse_external_score(imported: Any) -> float:
    """A number, or the last number of a list; -inf for anything else."""
    value = imported[-1] if isinstance(imported, list) and imported else imported
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return -np.inf
    return float(value)


def _squash(problems: list[EvaluatedProblem]) -> None:
    """Map external scores to log probabilities on one scale for all problems."""
    if problems:
        lengths = np.cumsum([problem.scores.shape[1] for problem in problems])[:-1]
        rescaled = squash_scores(np.concatenate([problem.scores[0] for problem in problems]))
        for problem, scores in zip(problems, np.split(rescaled, lengths), strict=True):
            problem.scores = scores[None, :]


def _labeled(rows: Iterable[Row[Any]]) -> Iterator[LabeledSolution]:
    for row in rows:
        if (row.first_error is not None or row.ratings) and row.step_probs:
            probabilities = np.array(row.step_probs, dtype=np.float64).reshape(-1, 3)
            if row.first_error is None or row.first_error < len(probabilities):
                subset = row.source or "all"
                yield LabeledSolution(row.problem_id, subset, probabilities, row.first_error, row.ratings)


def main_scores(db: Session, evaluation: Evaluation) -> Iterator[tuple[int, int, float, str]]:
    """(problem, solution, log score, verdict) of the graded solutions, by problem and solution."""
    config = parse_evaluation_config(evaluation.config)
    data = load_evaluation_data(db, evaluation, config)
    for problem in data.pool.problems:
        scores = problem.scores[data.pool.main]
        for place, solution_id in enumerate(problem.solution_ids):
            yield problem.problem_id, solution_id, float(scores[place]), problem.verdicts[place]
