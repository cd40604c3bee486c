"""Budget sweeps: the accuracy of each method at each budget, over many problems. Results are stored per
problem, so an interrupted sweep continues with the next problem."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from app.core.db import transaction
from app.core.run_lifecycle import record_failure
from app.evaluation import votes
from app.evaluation.best_of_n import best_of_n
from app.lab import curves, runs
from app.lab.answer_grader import AnswerGrader
from app.lab.config import SEARCHED, SweepConfig, build_search, parse_sweep
from app.lab.models import ProblemResult, SearchRun
from app.lab.search_context import SearchContext, report_progress
from app.search.config import SearchConfig
from app.search.run_search import SearchResult, run_search

BEAT_SECONDS = 5.0
PROBLEMS = text(
    """SELECT p.id, p.statement, p.reference_answer,
              EXISTS (SELECT FROM snapshot_item o JOIN problem q ON q.id = o.problem_id
                      JOIN model m ON m.snapshot_id = o.snapshot_id
                      WHERE m.id = :model_id AND q.project_id = p.project_id
                        AND q.statement_hash = p.statement_hash AND o.split = 'train') AS learned
       FROM problem p WHERE p.project_id = :project_id AND p.split = ANY(:splits)
         AND p.reference_answer IS NOT NULL
       ORDER BY md5(CAST(:seed AS text) || '/' || p.external_id), p.id LIMIT :most"""
)
NOTHING = (
    "These splits have no problems with a reference answer outside the model's training data. "
    "Choose other splits."
)
MEASURES = ("right", "tokens", "read")


def run_sweep(run_id: int, tools: SearchContext) -> None:
    with transaction() as db:
        run = db.get_one(SearchRun, run_id)
        config = parse_sweep(run.config)
        params = {
            "project_id": run.project_id,
            "model_id": run.model_id,
            "splits": list(config.splits),
            "seed": str(config.seed),
            "most": config.problems,
        }
        rows = db.execute(PROBLEMS, params).all()
        done = set(db.scalars(select(ProblemResult.problem_id).where(ProblemResult.search_run_id == run_id)))
    problems = [row for row in rows if not row.learned]
    if not problems:
        with transaction() as db:
            record_failure(db, run_id, tools.fence, NOTHING, final=True)
        return
    report_if_due = _ThrottledReport(run_id, tools)
    for number, problem in enumerate(problems):
        if problem.id not in done:
            progress = {"phase": "searching", "done": number, "total": len(problems)}
            report_progress(run_id, tools, progress)
            _store_result(
                run_id,
                problem.id,
                measure_problem(problem, config, tools, lambda _, p=progress: report_if_due(p)),
            )
    _finish(run_id, config, tools, len(rows) - len(problems))


class _ThrottledReport:
    """Reports progress at most every BEAT_SECONDS."""

    def __init__(self, run_id: int, tools: SearchContext) -> None:
        self.run_id, self.tools = run_id, tools
        self.reported_at = -BEAT_SECONDS

    def __call__(self, progress: dict[str, Any]) -> None:
        if (now := time.monotonic()) - self.reported_at > BEAT_SECONDS:
            self.reported_at = now
            report_progress(self.run_id, self.tools, progress)


def _store_result(run_id: int, problem_id: int, metrics: dict[str, Any]) -> None:
    row = {"search_run_id": run_id, "problem_id": problem_id, "metrics": metrics}
    with transaction() as db:
        db.execute(insert(ProblemResult).values(row).on_conflict_do_nothing())


def _finish(run_id: int, config: SweepConfig, tools: SearchContext, learned: int) -> None:
    chosen = select(ProblemResult).where(ProblemResult.search_run_id == run_id)
    with transaction() as db:
        rows = [row.metrics for row in db.scalars(chosen.order_by(ProblemResult.problem_id))]
        results = curves.build_results(rows, config)
        results["excluded"] = {"trained_on": learned}
        results["parameters"] = tools.judge.parameters
        results["generator_parameters"] = tools.generator_parameters
        runs.succeed(db, run_id, tools.fence, results, None)


def measure_problem(
    problem: Row[Any], config: SweepConfig, tools: SearchContext, tell: Any
) -> dict[str, Any]:
    """One problem's `ProblemResult.metrics`."""
    answers = tools.answers(problem.reference_answer)

    def run(search_config: SearchConfig) -> tuple[SearchResult, int]:
        before = tools.judge.tokens
        result = run_search(
            problem.statement, search_config, tools.proposer, tools.judge, answers.answer_classes, tell,
            usual=tools.judge.aggregate,
        )  # fmt: skip
        return result, tools.judge.tokens - before

    values: dict[str, Any] = {name: {} for name in MEASURES}
    result, read = run(SearchConfig(n=config.most, aggregate=config.aggregate, seed=config.seed))
    values |= _pool(result, answers, config, values, read)
    for strategy in config.strategies:
        if strategy in SEARCHED:
            by_budget = [build_search(strategy, budget, config) for budget in config.budgets]
            outcomes = [
                None if search_config is None else _measure_search(*run(search_config), answers)
                for search_config in by_budget
            ]
            for place, name in enumerate(MEASURES):
                values[name][strategy] = [None if outcome is None else outcome[place] for outcome in outcomes]
    return values


def _measure_search(result: SearchResult, read: int, answers: AnswerGrader) -> tuple[float, int, int]:
    right = result.chosen is not None and answers.verdict(result.chosen.steps) == "correct"
    return float(right), result.costs.tokens + result.costs.rolled_tokens, read


def _pool(
    result: SearchResult, answers: AnswerGrader, config: SweepConfig, values: dict[str, Any], read: int
) -> dict[str, Any]:
    """Accuracy of the votes over random subsets of the samples, and the difficulty by all samples. A
    truncated sample is incorrect, has no answer and ranks last."""
    solutions = [node for node in result.tree.finished() for _ in range(node.drawn)]
    lost = config.most - len(solutions)
    answer_classes, right = answers.grade_all([node.steps for node in solutions])
    scores = np.array(
        [-np.inf if node.score is None else node.score for node in solutions] + [-np.inf] * lost
    )
    is_right = np.array(right + [False] * lost, dtype=bool)
    classes = np.array(answer_classes + [-1] * lost, dtype=np.int64)
    n = np.array(config.budgets, dtype=np.int64)
    chosen = votes.vote_accuracies(
        scores, np.exp(scores), classes, is_right, n, subsets=config.subsets, seed=config.seed, k=1
    )
    chosen["best"] = best_of_n([scores], [is_right], n)[0]
    for strategy in config.strategies:
        if strategy in chosen:
            values["right"][strategy] = chosen[strategy].tolist()
            values["tokens"][strategy] = [
                result.costs.tokens * budget / config.most for budget in config.budgets
            ]
            values["read"][strategy] = [
                0.0 if strategy == "majority" else read * budget / config.most for budget in config.budgets
            ]
    return {
        "pass_at_1": float(is_right.mean()),
        "mean_score": float(np.exp(scores).mean()),
        "samples_right": int(is_right.sum()),
        "sample_tokens": result.costs.tokens / config.most,
    }
