"""Freezing labels into a snapshot: what a model is trained on, hashed, never changed.

The rules are those of PRM800K's training (Lightman et al. 2023, sections 2.4 and 2.6):

- supervision runs up to and including the first negative step of a chain;
- a label is valid only under its prefix (label_tree.py);
- a step a labeler wrote counts as positive;
- an adjudicated label first; else several labelers' majority, or what the definition names instead
  (aggregation.py); else nothing. Dropped ones are counted, and those that the majority would not give;
- bad problems and given-up solutions carry no label. A test problem never gets here;
- labels on problems of an evaluation set are dropped and counted (guard.py);
- labels come from people unless the definition names another source (sources.py)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.models import TASK_KINDS
from app.training import label_sources
from app.training.guarded_problems import load_guarded_problem_ids
from app.training.label_tree import Chain
from app.training.models import Snapshot, SnapshotItem

DEFAULTS: dict[str, Any] = {
    "source": "people",
    "aggregation": "majority",
    "model_id": None,
    "threshold": 0.2,
    "generator_id": None,
    "soft": False,
    "min_rollouts": 1,
    "generations": None,
    "kinds": ["regular", "gold"],
    "labelers": None,
    "cut_at_first_error": True,
    "held_out": 0.1,
    "seed": 0,
}
WHAT = {
    "people": "submitted label",
    "verdicts": "graded solution",
    "model": "score of this model",
    "rollouts": "rollout of this generator",
}
LABELED = text(
    """SELECT DISTINCT p.id, p.external_id, p.split FROM assignment a JOIN task t ON t.id = a.task_id
       JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
       WHERE a.project_id = :project_id AND a.state = 'submitted' AND p.split <> 'test'"""
)
SAMPLED = text(
    """SELECT id, external_id, split FROM problem p WHERE project_id = :project_id AND split <> 'test'
       AND EXISTS (SELECT 1 FROM solution WHERE problem_id = p.id)"""
)


def create_snapshot(
    db: Session, project_id: int, definition: dict[str, Any], user_id: int | None,
    tell: Callable[[int], None] = lambda solutions: None,
) -> Snapshot:  # fmt: skip
    """A snapshot of the labels `definition` names. Invalid when nothing can be learned from them.
    `tell` is told now and then how many solutions are frozen."""
    wanted = validate_definition(db, project_id, definition)
    snapshot = Snapshot(project_id=project_id, hash=b"", definition=wanted, counts={}, created_by=user_id)
    db.add(snapshot)
    db.flush()
    counts: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    digest, batch, ordinal = hashlib.sha256(), [], 0
    splits, kept_out = _splits(db, project_id, wanted), load_guarded_problem_ids(db, project_id)
    for problem_id, statement, chain in label_sources.iter_chains(db, project_id, wanted, dropped):
        split = splits.get(problem_id, "train")
        if split == "train" and problem_id in kept_out:
            dropped["in_evaluation_set"] += _count(chain, split)["labeled_steps"]
            continue
        counts.update(_count(chain, split))
        values = [] if chain.values is None else [chain.values]
        digest.update(orjson.dumps([statement, split, chain.steps, chain.targets, *values]) + b"\n")
        batch.append(_item(snapshot.id, ordinal, problem_id, split, chain))
        ordinal += 1
        if len(batch) == 2_000:
            db.execute(insert(SnapshotItem), batch)
            batch = []
            tell(ordinal)
    if batch:
        db.execute(insert(SnapshotItem), batch)
    if not counts["train_solutions"]:
        raise no_labels_error(wanted, but_guarded=bool(dropped["in_evaluation_set"]))
    snapshot.hash = digest.digest()
    snapshot.counts = {**counts, "dropped": dict(dropped), "held_out": wanted["held_out"] if splits else 0}
    db.flush()
    return snapshot


def no_labels_error(wanted: dict[str, Any], *, but_guarded: bool = False) -> Invalid:
    return Invalid(
        f"There is nothing to learn from: no {WHAT[wanted['source']]} is in this selection"
        + (", but for those on problems of evaluation sets." if but_guarded else "."),
        remedy="Label some solutions, or widen the selection of generations, kinds and labelers.",
    )


def require_labels(db: Session, project_id: int, wanted: dict[str, Any]) -> None:
    """Invalid where there is no label at all to freeze. Whether one is left after what is dropped, the
    freezing tells."""
    if not label_sources.has_labels(db, project_id, wanted):
        raise no_labels_error(wanted)


def validate_definition(db: Session, project_id: int, definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with its defaults, as this project can freeze it. Invalid where it cannot."""
    wanted = parse_definition(definition)
    label_sources.validate_source(db, project_id, wanted)
    return wanted


def parse_definition(definition: dict[str, Any]) -> dict[str, Any]:
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
    if not isinstance(wanted["kinds"], list) or not wanted["kinds"] or set(wanted["kinds"]) - set(TASK_KINDS):
        raise Invalid(f'"kinds" must be a list out of {", ".join(TASK_KINDS)}.')
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


def _splits(db: Session, project_id: int, wanted: dict[str, Any]) -> dict[int, str]:
    """Problem id -> "validation": the project's own split, or, where it has none, a seeded
    share of the labeled problems held out by the hash of their name."""
    query = LABELED if wanted["source"] == "people" else SAMPLED
    labeled = db.execute(query, {"project_id": project_id}).all()
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
            **{
                name: count
                for name in ("adjudicated", "settled", "changed")
                if (count := getattr(chain, name))
            },
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
        "values": chain.values,
    }
