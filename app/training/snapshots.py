"""Snapshots: immutable, hashed sets of labels that models are trained on.

The rules are those of PRM800K's training (Lightman et al. 2023, sections 2.4 and 2.6):

- supervision includes the first negative step of a chain and nothing after it;
- a label is valid only under its prefix (label_tree.py);
- a step that a labeler wrote counts as positive;
- an adjudicated label takes precedence; other ratings are aggregated (aggregation.py); steps without a
  winning rating are dropped and counted;
- bad problems and given-up solutions carry no label, and test problems are excluded;
- labels of problems in evaluation sets are dropped and counted (guarded_problems.py);
- labels come from people unless the definition names another source (label_sources.py)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.run_lifecycle import lock_attempt
from app.training.guarded_problems import load_guarded_problem_ids
from app.training.label_sources import get_source
from app.training.label_tree import Chain
from app.training.models import Snapshot, SnapshotItem, TrainingRun
from app.training.snapshot_definition import SnapshotDefinition

INSERT_ROWS = 2_000
PHASE = "creating the snapshot"
SELECT_LABELED_PROBLEMS = text(
    """SELECT DISTINCT p.id, p.external_id, p.split FROM assignment a JOIN task t ON t.id = a.task_id
       JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
       WHERE a.project_id = :project_id AND a.state = 'submitted' AND p.split <> 'test'"""
)
SELECT_SAMPLED_PROBLEMS = text(
    """SELECT id, external_id, split FROM problem p WHERE project_id = :project_id AND split <> 'test'
       AND EXISTS (SELECT 1 FROM solution WHERE problem_id = p.id)"""
)


class SnapshotInterrupted(Exception):
    """The run was cancelled, superseded or asked to stop. Nothing was stored."""


def create_snapshot(
    db: Session,
    project_id: int,
    definition: dict[str, Any],
    user_id: int | None,
    report: Callable[[int], None] = lambda solutions: None,
) -> Snapshot:
    """A snapshot of the labels that `definition` names. Raises Invalid if there is nothing to train on.
    `report` gets the number of stored solutions from time to time."""
    parsed = validate_definition(db, project_id, definition)
    snapshot = Snapshot(
        project_id=project_id, hash=b"", definition=parsed.to_json(), counts={}, created_by=user_id
    )
    db.add(snapshot)
    db.flush()
    splits = _load_splits(db, project_id, parsed)
    counts, dropped, digest = Counter[str](), Counter[str](), hashlib.sha256()
    batch: list[dict[str, Any]] = []
    for ordinal, (problem, chain, split) in enumerate(
        _iter_included(db, project_id, parsed, splits, dropped)
    ):
        counts.update(_count(chain, split))
        values = [] if chain.values is None else [chain.values]
        digest.update(orjson.dumps([problem[1], split, chain.steps, chain.targets, *values]) + b"\n")
        batch.append(_build_item(snapshot.id, ordinal, problem[0], split, chain))
        if len(batch) == INSERT_ROWS:
            db.execute(insert(SnapshotItem), batch)
            batch = []
            report(ordinal + 1)
    if batch:
        db.execute(insert(SnapshotItem), batch)
    if not counts["train_solutions"]:
        raise no_labels_error(parsed, only_guarded=bool(dropped["in_evaluation_set"]))
    snapshot.hash = digest.digest()
    snapshot.counts = {**counts, "dropped": dict(dropped), "held_out": parsed.held_out if splits else 0}
    db.flush()
    return snapshot


def create_snapshot_of_run(
    run_id: int,
    fence: int,
    report: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], str | None],
) -> int:
    """The ID of the snapshot of a run that was started with a definition, created unless the run has one.
    One transaction: a run that dies in it leaves nothing, and its next attempt starts over. Raises
    SnapshotInterrupted."""

    def report_solutions(solutions: int) -> None:
        if reason := should_stop():
            raise SnapshotInterrupted(reason)
        report({"phase": PHASE, "frozen": solutions})

    with transaction() as db:
        run = db.get_one(TrainingRun, run_id)
        if run.snapshot_id is not None:
            return run.snapshot_id
        report_solutions(0)
        snapshot = create_snapshot(db, run.project_id, run.data or {}, run.created_by, report_solutions)
        attempt = lock_attempt(db, run_id, fence, TrainingRun)
        if attempt is None:
            raise SnapshotInterrupted("overtaken")
        attempt.snapshot_id = snapshot.id
        return snapshot.id


def no_labels_error(definition: SnapshotDefinition, *, only_guarded: bool = False) -> Invalid:
    return Invalid(
        f"No labels match this selection: no {get_source(definition).item} is in it"
        + (", except on problems of evaluation sets." if only_guarded else "."),
        remedy="Label some solutions, or select more generations, task kinds or labelers.",
    )


def require_labels(db: Session, project_id: int, definition: SnapshotDefinition) -> None:
    """Raises Invalid if there is no label at all. Whether one is left after dropping, only creating the
    snapshot shows."""
    if not get_source(definition).has_labels(db, project_id, definition):
        raise no_labels_error(definition)


def validate_definition(db: Session, project_id: int, definition: dict[str, Any]) -> SnapshotDefinition:
    """The definition with its defaults. Raises Invalid for a wrong option, or one that the project cannot
    satisfy."""
    parsed = parse_config(SnapshotDefinition, definition)
    get_source(parsed).validate(db, project_id, parsed)
    return parsed


def _iter_included(
    db: Session,
    project_id: int,
    definition: SnapshotDefinition,
    splits: dict[int, str],
    dropped: Counter[str],
) -> Iterator[tuple[tuple[int, str], Chain, str]]:
    """(problem ID, statement), chain and split, without training chains of guarded problems."""
    guarded = load_guarded_problem_ids(db, project_id)
    source = get_source(definition)
    for problem_id, statement, chain in source.iter_chains(db, project_id, definition, dropped):
        split = splits.get(problem_id, "train")
        if split == "train" and problem_id in guarded:
            dropped["in_evaluation_set"] += _count(chain, split)["labeled_steps"]
        else:
            yield (problem_id, statement), chain, split


def _load_splits(db: Session, project_id: int, definition: SnapshotDefinition) -> dict[int, str]:
    """Problem ID -> "validation": the project's own validation split. If it has none, a seeded share of
    the labeled problems, held out by the hash of their names."""
    query = SELECT_LABELED_PROBLEMS if get_source(definition).from_submissions else SELECT_SAMPLED_PROBLEMS
    labeled = db.execute(query, {"project_id": project_id}).all()
    own = {row.id: "validation" for row in labeled if row.split == "validation"}
    if own or len(labeled) < 5:
        return own
    shuffled = sorted(
        labeled, key=lambda row: hashlib.sha256(f"{definition.seed}/{row.external_id}".encode()).digest()
    )
    return {row.id: "validation" for row in shuffled[: round(len(shuffled) * definition.held_out)]}


def _count(chain: Chain, split: str) -> Counter[str]:
    targets = Counter(target for target in chain.targets if target is not None)
    optional = {name: getattr(chain, name) for name in ("adjudicated", "settled", "changed")}
    return Counter(
        {
            "solutions": 1,
            f"{split}_solutions": 1,
            "labeled_steps": targets.total(),
            "negative": targets[-1],
            "neutral": targets[0],
            "positive": targets[1],
            **{name: count for name, count in optional.items() if count},
        }
    )


def _build_item(snapshot_id: int, ordinal: int, problem_id: int, split: str, chain: Chain) -> dict[str, Any]:
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
