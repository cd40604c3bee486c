"""A search of one problem, told round by round to those who watch."""

from __future__ import annotations

import time
from typing import Any

from app.core.db import transaction
from app.lab import runs
from app.lab.answer_grader import Answers
from app.lab.config import parse_search
from app.lab.models import SearchRun
from app.lab.search_context import Tools, note
from app.lab.tree_json import kept
from app.problems.models import Problem
from app.search.expansion import Growing
from app.search.run_search import Found, search

TELL_SECONDS = 0.4


def watch(run_id: int, tools: Tools) -> None:
    with transaction() as db:
        run = db.get_one(SearchRun, run_id)
        problem = db.get_one(Problem, run.problem_id)
        config = parse_search(run.config)
    told = [0.0]
    begun = time.monotonic()

    def tell(growing: Growing) -> None:
        if time.monotonic() - told[0] < TELL_SECONDS:
            return
        told[0] = time.monotonic()
        progress = {"phase": "searching", "round": growing.round, "costs": growing.costs.as_json()}
        note(run_id, tools, progress, kept(growing.tree))

    answers = tools.answers(problem.reference_answer)
    found = search(
        problem.statement, config, tools.proposer, tools.judge, answers.classes, tell,
        usual=tools.judge.aggregate,
    )  # fmt: skip
    results = told_of(found, answers, tools)
    results["seconds"] = round(time.monotonic() - begun, 2)
    with transaction() as db:
        runs.succeeded(db, run_id, results, kept(found.tree, found.chosen))


def told_of(found: Found, answers: Answers, tools: Tools) -> dict[str, Any]:
    """What came out, as JSON: the answers by weight, each with the grader's word, and the costs."""
    tree = found.tree
    return {
        "chosen": found.chosen.id if found.chosen else None,
        "verdict": answers.verdict(found.chosen.steps) if found.chosen else None,
        "votes": [
            {
                "answer": (answers.of(tree.nodes[vote.solutions[0]].steps) or "")[:500],
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
