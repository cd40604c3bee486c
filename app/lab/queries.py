"""Read queries for the pages of searches."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.generators.models import Generator
from app.lab.models import SearchRun
from app.problems.models import Problem
from app.training.models import Model

SPLIT_ORDER = {"validation": 0, "test": 1, "train": 2}
CHOICES = 60


@dataclass
class TreeBranch:
    """A sequence of steps up to a fork of the tree, and the branches after it. Pruned nodes are attached to
    their parent."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    branches: list[TreeBranch] = field(default_factory=list)


@dataclass
class SearchSummary:
    run: SearchRun
    model: Model
    generator: Generator
    problem: Problem | None


def list_searches(db: Session, project_id: int, limit: int = 50) -> list[SearchSummary]:
    """Newest first."""
    query = (
        select(SearchRun, Model, Generator, Problem)
        .join(Model, Model.id == SearchRun.model_id)
        .join(Generator, Generator.id == SearchRun.generator_id)
        .outerjoin(Problem, Problem.id == SearchRun.problem_id)
        .where(SearchRun.project_id == project_id)
        .order_by(SearchRun.id.desc())
        .limit(limit)
    )
    return [SearchSummary(*row) for row in db.execute(query)]


def get_summary(db: Session, run: SearchRun) -> SearchSummary:
    problem = db.get(Problem, run.problem_id) if run.problem_id else None
    return SearchSummary(
        run, db.get_one(Model, run.model_id), db.get_one(Generator, run.generator_id), problem
    )


def list_problems(db: Session, project_id: int, problem_id: int | None) -> list[Problem]:
    """Problems for the form, splits without training data first, including `problem_id`."""
    problems: list[Problem] = []
    for split in SPLIT_ORDER:
        chosen = select(Problem).where(Problem.project_id == project_id, Problem.split == split)
        problems += db.scalars(chosen.order_by(Problem.id).limit(CHOICES - len(problems)))
    if problem_id is not None and all(problem.id != problem_id for problem in problems):
        chosen = select(Problem).where(Problem.project_id == project_id, Problem.id == problem_id)
        problems = [*db.scalars(chosen), *problems]
    return problems


def build_branches(tree: dict[str, Any] | None, results: dict[str, Any] | None) -> TreeBranch:
    """The tree for the page. The root branch has no steps of its own."""
    nodes = (tree or {}).get("nodes", [])
    answers = _answers(results)
    children: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for node in nodes:
        children[node["parent"]].append(_node_json(node, answers))
    root = TreeBranch([{"id": 0, "text": None, "dropped": []}])
    waiting = [root]
    while waiting:
        branch = waiting.pop()
        below = _below(branch.steps[-1], children)
        while len(below) == 1:
            branch.steps.append(below[0])
            below = _below(below[0], children)
        branch.branches = [TreeBranch([child]) for child in below]
        waiting += branch.branches
    return root


def _below(node: dict[str, Any], children: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The children that continue or finish. The others are attached to the node as pruned."""
    child_nodes = children.get(node["id"], [])
    continued = [child for child in child_nodes if _is_notable(child) or children.get(child["id"])]
    node["dropped"] = [child for child in child_nodes if child not in continued]
    return continued


def _is_notable(node: dict[str, Any]) -> bool:
    return bool(node["kept"] or node["finished"] or node["chosen"])


def _answers(results: dict[str, Any] | None) -> dict[int, dict[str, Any]]:
    return {
        solution: {"answer": vote["answer"], "verdict": vote["verdict"]}
        for vote in (results or {}).get("votes", [])
        for solution in vote["solutions"]
    }


def _node_json(node: dict[str, Any], answers: dict[int, dict[str, Any]]) -> dict[str, Any]:
    correct = node["correct"]
    return {
        **node,
        "heat": None if correct is None else min(10, max(0, round(10 * correct))),
        "score": _probability(node["score"]),
        "rank": _probability(node["rank"]),
        "dropped": [],
        **answers.get(node["id"], {"answer": None, "verdict": None}),
    }


def _probability(log_score: float | None) -> float | None:
    return None if log_score is None else math.exp(log_score)
