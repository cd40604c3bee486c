"""Labels of people: submitted assignments, several ratings of a step aggregated to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.labeling.control_tasks import LABEL_GENERATION
from app.training.aggregation import AGGREGATIONS
from app.training.label_tree import (
    ProblemChain,
    StepNode,
    apply_adjudication,
    build_tree,
    iter_rated_nodes,
    iter_tree_chains,
)
from app.training.snapshot_definition import SnapshotDefinition

LABELS = f"""
    SELECT p.id AS problem_id, p.statement, p.external_id, p.split, s.id AS solution_id, s.steps,
           a.id AS assignment_id, a.user_id, l.position, l.texts, l.ratings, l.chosen, l.human_text
    FROM assignment a
    JOIN task t ON t.id = a.task_id
    JOIN solution s ON s.id = t.solution_id
    JOIN problem p ON p.id = s.problem_id
    JOIN step_label l ON l.assignment_id = a.id
    WHERE a.project_id = :project_id AND a.state = 'submitted'
      AND a.finish_reason IN ('solution', 'found_error') AND p.split <> 'test'
      AND t.kind = ANY(:kinds)
      AND (CAST(:generations AS int[]) IS NULL OR {LABEL_GENERATION} = ANY(:generations))
      AND (CAST(:labelers AS bigint[]) IS NULL OR a.user_id = ANY(:labelers))
    """  # noqa: S608  LABEL_GENERATION is a constant
SELECT_LABELS = text(f"{LABELS} ORDER BY p.id, s.id, a.id, l.position")
HAS_LABELS = text(f"SELECT EXISTS ({LABELS})")
SELECT_ADJUDICATIONS = text(
    """
    SELECT s.problem_id, s.id AS solution_id, s.steps, d.ratings
    FROM adjudicated_solution d JOIN solution s ON s.id = d.solution_id
    WHERE d.project_id = :project_id ORDER BY d.adjudication_id
    """
)


class PeopleLabels:
    id = "people"
    item = "submitted label"
    from_submissions = True

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Every selection of people's labels is valid."""

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        return bool(db.scalar(HAS_LABELS, _parameters(project_id, definition)))

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        """Dawid-Skene reads the labels twice: to estimate the labelers' reliability, and to apply it."""
        trees = _iter_trees(db, project_id, definition)
        nodes = (node for _, _, root in trees for node in iter_rated_nodes(root))
        rule = AGGREGATIONS[definition.aggregation].build_rule(nodes)
        for problem_id, statement, root in _iter_trees(db, project_id, definition):
            for chain in iter_tree_chains(root, definition.cut_at_first_error, dropped, rule):
                yield problem_id, statement, chain

    def describe(self, definition: SnapshotDefinition) -> str:
        aggregation = AGGREGATIONS[definition.aggregation]
        return f"labels of people; a step rated by several has {aggregation.description}"


def _parameters(project_id: int, definition: SnapshotDefinition) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "kinds": list(definition.kinds),
        "generations": definition.generations,
        "labelers": definition.labelers,
    }


def _iter_trees(
    db: Session, project_id: int, definition: SnapshotDefinition
) -> Iterator[tuple[int, str, StepNode]]:
    """Problem ID, statement and the tree of its labels, adjudications included."""
    decisions: dict[int, list[Any]] = {}
    for row in db.execute(SELECT_ADJUDICATIONS, {"project_id": project_id}):
        decisions.setdefault(row.problem_id, []).append(row)
    rows = db.execute(SELECT_LABELS.execution_options(yield_per=2_000), _parameters(project_id, definition))
    for (problem_id, statement), group in groupby(rows, key=lambda row: (row.problem_id, row.statement)):
        labels = list(group)
        root, solution_ids = build_tree(labels), {row.solution_id for row in labels}
        for row in decisions.get(problem_id, ()):
            if row.solution_id in solution_ids:
                apply_adjudication(root, row.solution_id, row.steps, row.ratings)
        yield problem_id, statement, root
