"""A search of one problem, told round by round to those who watch."""

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
    told = [0.0]
    begun = time.monotonic()

    def tell(growing: Expansion) -> None:
        if time.monotonic() - told[0] < TELL_SECONDS:
            return
        told[0] = time.monotonic()
        progress = {"phase": "searching", "round": growing.round, "costs": growing.costs.as_json()}
        report_progress(run_id, tools, progress, tree_to_json(growing.tree))

    answers = tools.answers(problem.reference_answer)
    found = run_search(
        problem.statement, config, tools.proposer, tools.judge, answers.answer_classes, tell,
        usual=tools.judge.aggregate,
    )  # fmt: skip
    results = build_results(found, answers, tools)
    results["seconds"] = round(time.monotonic() - begun, 2)
    with transaction() as db:
        runs.succeed(db, run_id, tools.fence, results, tree_to_json(found.tree, found.chosen))


def build_results(found: SearchResult, answers: AnswerGrader, tools: SearchContext) -> dict[str, Any]:
    """What came out, as JSON: the answers by weight, each with the grader's word, and the costs."""
    tree = found.tree
    return {
        "chosen": found.chosen.id if found.chosen else None,
        "verdict": answers.verdict(found.chosen.steps) if found.chosen else None,
        "votes": [
            {
                "answer": (answers.final_answer(tree.nodes[vote.solutions[0]].steps) or "")[:500],
                "weight": vote.weight,
                "count": vote.count,
                "solutions": vote.solutions[:50],
                "verdict": answers.verdict(tree.nodes[vote.solutions[0]].steps),
            }
            for vote in found.votes[:50]
        ],
        "finished": len(tree.finished()),
        "costs": found.costs.as_json(),
        "read_tokens": tools.judge.tokens,
        "parameters": tools.judge.parameters,
        "aggregate": found.aggregate,
    }
