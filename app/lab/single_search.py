"""A search of one problem, with progress after each round."""

from __future__ import annotations

import time
from typing import Any

from app.core.db import transaction
from app.lab import runs
from app.lab.answer_grader import AnswerGrader
from app.lab.config import parse_search
from app.lab.models import SearchRun
from app.lab.search_context import SearchContext, report_progress
from app.lab.tree_json import tree_to_json
from app.problems.models import Problem
from app.search.expansion import Expansion
from app.search.run_search import SearchResult, run_search

TELL_SECONDS = 0.4


def run_single_search(run_id: int, tools: SearchContext) -> None:
    with transaction() as db:
        run = db.get_one(SearchRun, run_id)
        problem = db.get_one(Problem, run.problem_id)
        config = parse_search(run.config)
    last_report = [0.0]
    begun = time.monotonic()

    def report(growing: Expansion) -> None:
        if time.monotonic() - last_report[0] < TELL_SECONDS:
            return
        last_report[0] = time.monotonic()
        progress = {"phase": "searching", "round": growing.round, "costs": growing.costs.as_json()}
        report_progress(run_id, tools, progress, tree_to_json(growing.tree))

    answers = tools.answers(problem.reference_answer)
    result = run_search(
        problem.statement, config, tools.proposer, tools.judge, answers.answer_classes, report,
        usual=tools.judge.aggregate,
    )  # fmt: skip
    results = build_results(result, answers, tools)
    results["seconds"] = round(time.monotonic() - begun, 2)
    with transaction() as db:
        runs.succeed(db, run_id, tools.fence, results, tree_to_json(result.tree, result.chosen))


def build_results(result: SearchResult, answers: AnswerGrader, tools: SearchContext) -> dict[str, Any]:
    """Results as JSON: the answers by weight with their verdicts, and the costs."""
    tree = result.tree
    return {
        "chosen": result.chosen.id if result.chosen else None,
        "verdict": answers.verdict(result.chosen.steps) if result.chosen else None,
        "votes": [
            {
                "answer": (answers.final_answer(tree.nodes[vote.solutions[0]].steps) or "")[:500],
                "weight": vote.weight,
                "count": vote.count,
                "solutions": vote.solutions[:50],
                "verdict": answers.verdict(tree.nodes[vote.solutions[0]].steps),
            }
            for vote in result.votes[:50]
        ],
        "finished": len(tree.finished()),
        "costs": result.costs.as_json(),
        "read_tokens": tools.judge.tokens,
        "parameters": tools.judge.parameters,
        "aggregate": result.aggregate,
    }
