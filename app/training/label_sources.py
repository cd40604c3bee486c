"""Where labels come from. A snapshot has one source, which its definition names; labels of people
and labels of models are never mixed.

people     submitted assignments (label_tree.py)
verdicts   the answer grader's: right or wrong as the target of a solution's last step, for outcome
           supervision (Lightman et al. 2023, section 2.5)
model      a model's step probabilities: a step is wrong where p(negative) is above the threshold,
           right where not (ibid., section 3: a large PRM stands in for people, threshold 0.2)
rollouts   the share of a generator's rollouts from behind a step that came to the right answer, as a
           soft value or as right or wrong (rollout_labels.py)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.control_tasks import LABEL_GENERATION
from app.training import aggregation, rollout_labels
from app.training.label_tree import (
    Chain,
    StepNode,
    apply_adjudication,
    build_tree,
    iter_rated_nodes,
    iter_tree_chains,
)
from app.training.models import Model, Snapshot

SOURCES = ("people", "verdicts", "model", "rollouts")
ProblemChain = tuple[int, str, Chain]
"""Problem id, its statement, a chain."""

LABELS = text(
    f"""
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
    ORDER BY p.id, s.id, a.id, l.position
    """  # noqa: S608  the part is ours
)

ADJUDICATED = text(
    # by name: quality stands above training, and its tables may only be asked, not imported
    """
    SELECT s.problem_id, s.id AS solution_id, s.steps, d.ratings
    FROM adjudication d JOIN solution s ON s.id = d.solution_id
    WHERE d.project_id = :project_id ORDER BY d.id
    """
)

VERDICTS = text(
    """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.verdict
    FROM solution s JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND s.verdict IN ('correct', 'incorrect')
    ORDER BY p.id, s.id
    """
)

SCORES = text(
    """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, c.step_probs
    FROM score c JOIN solution s ON s.id = c.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND c.model_id = :model_id
    ORDER BY p.id, s.id
    """
)


SOME = {
    "people": text(f"SELECT EXISTS ({LABELS.text.rpartition('ORDER BY')[0]})"),
    "verdicts": text(f"SELECT EXISTS ({VERDICTS.text.rpartition('ORDER BY')[0]})"),
    "model": text(f"SELECT EXISTS ({SCORES.text.rpartition('ORDER BY')[0]})"),
}


def has_labels(db: Session, project_id: int, wanted: dict[str, Any]) -> bool:
    """Whether there is any such label, without reading them."""
    query = SOME.get(wanted["source"])
    names = ("kinds", "generations", "labelers", "model_id")
    return query is None or bool(
        db.scalar(query, {"project_id": project_id, **{n: wanted[n] for n in names}})
    )


def iter_chains(
    db: Session, project_id: int, wanted: dict[str, Any], dropped: Counter[str]
) -> Iterator[ProblemChain]:
    if wanted["source"] == "verdicts":
        return _of_verdicts(db, project_id)
    if wanted["source"] == "model":
        return _of_model(db, project_id, wanted)
    if wanted["source"] == "rollouts":
        return rollout_labels.iter_chains(db, project_id, wanted, dropped)
    return _of_people(db, project_id, wanted, dropped)


def _of_people(
    db: Session, project_id: int, wanted: dict[str, Any], dropped: Counter[str]
) -> Iterator[ProblemChain]:
    """Dawid-Skene reads the labels twice: to learn who is reliable, and to apply it."""
    decide: aggregation.Rule = aggregation.majority_rule
    if wanted["aggregation"] == "dawid_skene":
        trees = _trees(db, project_id, wanted)
        decide = aggregation.fit_dawid_skene_rule(
            step for _, _, root in trees for step in iter_rated_nodes(root)
        )
    for problem_id, statement, root in _trees(db, project_id, wanted):
        for chain in iter_tree_chains(root, wanted["cut_at_first_error"], dropped, decide):
            yield problem_id, statement, chain


def _trees(db: Session, project_id: int, wanted: dict[str, Any]) -> Iterator[tuple[int, str, StepNode]]:
    """Problem id, statement, the tree of its labels with the adjudicated ones put in."""
    names = ("kinds", "generations", "labelers")
    asked = {"project_id": project_id, **{name: wanted[name] for name in names}}
    decided: dict[int, list[Any]] = {}
    for row in db.execute(ADJUDICATED, {"project_id": project_id}):
        decided.setdefault(row.problem_id, []).append(row)
    rows = db.execute(LABELS.execution_options(yield_per=2_000), asked)
    for (problem_id, statement), group in groupby(rows, key=lambda row: (row.problem_id, row.statement)):
        labels = list(group)
        root, among = build_tree(labels), {row.solution_id for row in labels}
        for row in decided.get(problem_id, ()):
            if row.solution_id in among:
                apply_adjudication(root, row.solution_id, row.steps, row.ratings)
        yield problem_id, statement, root


def _of_verdicts(db: Session, project_id: int) -> Iterator[ProblemChain]:
    for row in db.execute(VERDICTS.execution_options(yield_per=2_000), {"project_id": project_id}):
        targets: list[int | None] = [None] * len(row.steps)
        targets[-1] = 1 if row.verdict == "correct" else -1
        yield row.problem_id, row.statement, Chain(row.solution_id, list(row.steps), targets, [])


def _of_model(db: Session, project_id: int, wanted: dict[str, Any]) -> Iterator[ProblemChain]:
    asked = {"project_id": project_id, "model_id": wanted["model_id"]}
    for row in db.execute(SCORES.execution_options(yield_per=2_000), asked):
        said = [-1 if negative > wanted["threshold"] else 1 for negative in row.step_probs[::3]]
        steps: list[str] = list(row.steps)
        if wanted["cut_at_first_error"] and -1 in said:
            said = said[: said.index(-1) + 1]
            steps = steps[: len(said)]
        yield row.problem_id, row.statement, Chain(row.solution_id, steps, list(said), [])


def validate_source(db: Session, project_id: int, wanted: dict[str, Any]) -> None:
    """Invalid for a source that is none, or a model that is not of this project or judges no steps."""
    if wanted["source"] not in SOURCES:
        raise Invalid(
            f"There is no source of labels {wanted['source']!r}.", remedy=f"Use one of: {', '.join(SOURCES)}."
        )
    if wanted["aggregation"] not in aggregation.AGGREGATIONS:
        raise Invalid(
            f'"aggregation" is no {wanted["aggregation"]!r}.',
            remedy=f"Use one of: {', '.join(aggregation.AGGREGATIONS)}.",
        )
    if wanted["aggregation"] != "majority" and wanted["source"] != "people":
        raise Invalid(
            '"aggregation" is for labels of people; this snapshot has none.',
            remedy='Leave it out, or use the source "people".',
        )
    share = wanted["threshold"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise Invalid('"threshold" must be a probability between 0 and 1.')
    rollout_labels.validate_definition(db, project_id, wanted)
    if wanted["source"] != "model":
        return
    model_id = wanted["model_id"]
    fits = isinstance(model_id, int) and not isinstance(model_id, bool) and 0 < model_id < 2**63
    model = db.get(Model, model_id) if fits else None
    if model is None or model.project_id != project_id:
        raise Invalid('"model_id" names no model of this project.', remedy="Take its number from its page.")
    if model.kind != "prm":
        raise Invalid(f"{model.name} judges whole solutions, not steps.", remedy="Choose a PRM.")


def model_card_labels(snapshot: Snapshot) -> dict[str, Any]:
    """What a model's card says of its labels."""
    return {
        "of": describe_source(snapshot.definition),
        "definition": snapshot.definition,
        "counts": snapshot.counts,
    }


def describe_source(definition: dict[str, Any]) -> str:
    """The source, as a page says it."""
    source = definition.get("source", "people")
    if source == "verdicts":
        return "the answer grader's verdicts, right or wrong as a whole; no person rated these steps"
    if source == "model":
        return (
            f"model {definition['model_id']}, which called a step wrong where p(negative) is above "
            f"{definition['threshold']:g}; no person rated these steps"
        )
    if source == "rollouts":
        return rollout_labels.describe_source(definition)
    return (
        f"people; where several judged a step, {aggregation.WORDS[definition.get('aggregation', 'majority')]}"
    )
