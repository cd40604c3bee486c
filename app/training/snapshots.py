"""Freezing labels into a snapshot: what a model is trained on, hashed, never changed.

The rules are those of PRM800K's training (Lightman et al. 2023, sections 2.4 and 2.6):

- supervision runs up to and including the first negative step of a chain;
- a label is valid only under its prefix: alternatives of one position share the chosen
  prefix, and a prefix's labels count once however many chains go through it;
- a step a labeler wrote counts as positive;
- several labelers on one step: their majority, or nothing. Dropped labels are counted;
- bad problems and given-up solutions carry no label. A test problem never gets here;
- labels on problems of an evaluation set are dropped and counted (guard.py)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, insert, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.models import KINDS
from app.training.guard import guarded
from app.training.models import Snapshot, SnapshotItem

DEFAULTS: dict[str, Any] = {
    "generations": None,
    "kinds": ["regular", "gold"],
    "labelers": None,
    "cut_at_first_error": True,
    "held_out": 0.1,
    "seed": 0,
}
LABELS = text(
    """
    SELECT p.id AS problem_id, p.statement, p.external_id, p.split, s.id AS solution_id, s.steps,
           a.id AS assignment_id, l.position, l.texts, l.ratings, l.chosen, l.human_text
    FROM assignment a
    JOIN task t ON t.id = a.task_id
    JOIN solution s ON s.id = t.solution_id
    JOIN problem p ON p.id = s.problem_id
    JOIN step_label l ON l.assignment_id = a.id
    WHERE a.project_id = :project_id AND a.state = 'submitted'
      AND a.finish_reason IN ('solution', 'found_error') AND p.split <> 'test'
      AND t.kind = ANY(:kinds)
      AND (CAST(:generations AS int[]) IS NULL OR t.generation = ANY(:generations))
      AND (CAST(:labelers AS bigint[]) IS NULL OR a.user_id = ANY(:labelers))
    ORDER BY p.id, s.id, a.id, l.position
    """
)


@dataclass
class Node:
    """A step under its prefix, and what was said of it."""

    text: str
    ratings: dict[int, int] = field(default_factory=dict)
    """assignment id -> rating"""
    solution_id: int = 0
    children: dict[str, Node] = field(default_factory=dict)


@dataclass
class Chain:
    """A path of the tree as a training example; each label of the tree is in one chain only."""

    solution_id: int
    steps: list[str]
    targets: list[int | None]
    assignment_ids: list[int]


def freeze(db: Session, project_id: int, definition: dict[str, Any], user_id: int | None) -> Snapshot:
    """A snapshot of the labels `definition` names. Invalid when nothing can be learned from them."""
    wanted = checked(definition)
    snapshot = Snapshot(project_id=project_id, hash=b"", definition=wanted, counts={}, created_by=user_id)
    db.add(snapshot)
    db.flush()
    rows = db.execute(
        LABELS.execution_options(yield_per=2_000),
        {
            "project_id": project_id,
            "kinds": wanted["kinds"],
            "generations": wanted["generations"],
            "labelers": wanted["labelers"],
        },
    )
    counts: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    digest, batch, ordinal = hashlib.sha256(), [], 0
    splits, kept_out = _splits(db, project_id, wanted), guarded(db, project_id)
    for (problem_id, statement), group in groupby(rows, key=lambda row: (row.problem_id, row.statement)):
        for chain in chains(tree(group), wanted["cut_at_first_error"], dropped):
            split = splits.get(problem_id, "train")
            if split == "train" and problem_id in kept_out:
                dropped["in_evaluation_set"] += _count(chain, split)["labeled_steps"]
                continue
            counts.update(_count(chain, split))
            digest.update(orjson.dumps([statement, split, chain.steps, chain.targets]) + b"\n")
            batch.append(_item(snapshot.id, ordinal, problem_id, split, chain))
            ordinal += 1
            if len(batch) == 2_000:
                db.execute(insert(SnapshotItem), batch)
                batch = []
    if batch:
        db.execute(insert(SnapshotItem), batch)
    if not counts["train_solutions"]:
        raise Invalid(
            "There is nothing to learn from: no submitted label is in this selection"
            + (", but for those on problems of evaluation sets." if dropped["in_evaluation_set"] else "."),
            remedy="Label some solutions, or widen the selection of generations, kinds and labelers.",
        )
    snapshot.hash = digest.digest()
    snapshot.counts = {**counts, "dropped": dict(dropped), "held_out": wanted["held_out"] if splits else 0}
    db.flush()
    return snapshot


def checked(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with its defaults. A key or a value nobody knows is an error."""
    unknown = sorted(set(definition) - set(DEFAULTS))
    if unknown:
        raise Invalid(
            f"A snapshot has no option {unknown[0]!r}.", remedy=f"There are: {', '.join(sorted(DEFAULTS))}."
        )
    wanted = {**DEFAULTS, **definition}
    for name in ("generations", "labelers"):
        if wanted[name] is not None and not _whole_numbers(wanted[name]):
            raise Invalid(f'"{name}" must be a list of whole numbers, or null for all.')
    if not isinstance(wanted["kinds"], list) or not wanted["kinds"] or set(wanted["kinds"]) - set(KINDS):
        raise Invalid(f'"kinds" must be a list out of {", ".join(KINDS)}.')
    if not isinstance(wanted["cut_at_first_error"], bool):
        raise Invalid('"cut_at_first_error" must be true or false.')
    share = wanted["held_out"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 0.5:
        raise Invalid('"held_out" must be a share between 0 and 0.5.')
    if not _whole_numbers([wanted["seed"]]):
        raise Invalid('"seed" must be a whole number.')
    return wanted


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 for value in values
    )


def tree(rows: Iterable[Row[Any]]) -> Node:
    """Every labeled step of a problem under the prefix it was judged with."""
    root = Node("")
    for _, walk in groupby(rows, key=lambda row: row.assignment_id):
        here: Node | None = root
        for row in walk:
            if here is None:
                break
            here = _judged(here, row)
    return root


def _judged(here: Node, row: Row[Any]) -> Node | None:
    """Put one position's ratings below `here`; the node the walk went on from, if it did."""
    candidates = row.texts if row.texts is not None else row.steps[row.position : row.position + 1]
    for candidate, rating in zip(candidates, row.ratings or [], strict=False):
        if rating is not None:
            _child(here, candidate, row).ratings[row.assignment_id] = rating
    if row.human_text is not None:
        written = _child(here, row.human_text, row)
        written.ratings[row.assignment_id] = 1
        return written
    if row.texts is None:
        return _child(here, candidates[0], row) if candidates else None
    return _child(here, candidates[row.chosen], row) if row.chosen is not None else None


def _child(here: Node, step: str, row: Row[Any]) -> Node:
    found = here.children.setdefault(step, Node(step))
    found.solution_id = found.solution_id or row.solution_id
    return found


def chains(root: Node, cut: bool, dropped: Counter[str]) -> Iterator[Chain]:
    """The tree's paths from root to leaf. A label goes to the first path through it; a path
    that brings no label of its own is left out."""
    seen: set[int] = set()
    stack: list[tuple[Node, list[Node]]] = [(child, []) for child in reversed(root.children.values())]
    while stack:
        node, above = stack.pop()
        path = [*above, node]
        stop = cut and majority(node.ratings) == -1
        if node.children and not stop:
            stack.extend((child, path) for child in reversed(node.children.values()))
        elif chain := _chain(path, seen, dropped):
            yield chain


def _chain(path: list[Node], seen: set[int], dropped: Counter[str]) -> Chain | None:
    targets: list[int | None] = []
    assignments: set[int] = set()
    for node in path:
        target = None
        if node.ratings and id(node) not in seen:
            target = majority(node.ratings)
            dropped["no_majority"] += target is None
            seen.add(id(node))
            assignments.update(node.ratings)
        targets.append(target)
    if all(target is None for target in targets):
        return None
    last = max(index for index, target in enumerate(targets) if target is not None)
    steps = [node.text for node in path[: last + 1]]
    return Chain(path[-1].solution_id, steps, targets[: last + 1], sorted(assignments))


def majority(ratings: dict[int, int]) -> int | None:
    """The rating more than half of them gave; None if there is none."""
    if not ratings:
        return None
    rating, count = Counter(ratings.values()).most_common(1)[0]
    return rating if count * 2 > len(ratings) else None


def _splits(db: Session, project_id: int, wanted: dict[str, Any]) -> dict[int, str]:
    """Problem id -> "validation": the project's own split, or, where it has none, a seeded
    share of the labeled problems held out by the hash of their name."""
    labeled = db.execute(
        text(
            """SELECT DISTINCT p.id, p.external_id, p.split FROM assignment a JOIN task t ON t.id = a.task_id
               JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
               WHERE a.project_id = :project_id AND a.state = 'submitted' AND p.split <> 'test'"""
        ),
        {"project_id": project_id},
    ).all()
    own = {row.id: "validation" for row in labeled if row.split == "validation"}
    if own or len(labeled) < 5:
        return own
    drawn = sorted(
        labeled, key=lambda row: hashlib.sha256(f"{wanted['seed']}/{row.external_id}".encode()).digest()
    )
    return {row.id: "validation" for row in drawn[: round(len(drawn) * wanted["held_out"])]}


def _count(chain: Chain, split: str) -> Counter[str]:
    said = Counter(target for target in chain.targets if target is not None)
    return Counter(
        {
            "solutions": 1,
            f"{split}_solutions": 1,
            "labeled_steps": said.total(),
            "negative": said[-1],
            "neutral": said[0],
            "positive": said[1],
        }
    )


def _item(snapshot_id: int, ordinal: int, problem_id: int, split: str, chain: Chain) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot_id,
        "ordinal": ordinal,
        "problem_id": problem_id,
        "solution_id": chain.solution_id,
        "assignment_ids": chain.assignment_ids,
        "split": split,
        "steps": chain.steps,
        "targets": chain.targets,
    }
