"""Imported labels: labelers without a login, their tasks, submitted assignments and step labels."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from app.exchange.copy_format import array, copy, escaped, json, new_ids, number, small_array, truth
from app.exchange.prm800k import Finished, row_of
from app.exchange.records import LabelRecord, Line, SolutionRecord, StepRecord
from app.exchange.row_patches import patch

if TYPE_CHECKING:
    from app.exchange.load_batch import Known

Place = tuple[int, str, int | None]
"""A task: solution, kind, generation."""

ASSIGNMENT = (
    "id", "project_id", "task_id", "user_id", "state", "submitted_at", "finish_reason",
    "total_time_ms", "origin", "external_id",
)  # fmt: skip
STEP_LABEL = (
    "assignment_id", "position", "texts", "ratings", "flags", "chosen", "human_text", "human_flagged",
)  # fmt: skip


def rename_repeats(connection: psycopg.Connection, project_id: int, lines: list[Line]) -> None:
    """A labeler who judged one solution twice in the same generation cannot have two
    assignments on one task: the second row gets a copy of the solution, named by the row."""
    labeled = [line for line in lines if line.label is not None]
    if not labeled:
        return
    rows = connection.execute(
        "SELECT s.external_id, t.kind, t.generation, u.uuid, a.external_id FROM solution s"
        " JOIN task t ON t.solution_id = s.id JOIN assignment a ON a.task_id = t.id"
        " JOIN user_account u ON u.id = a.user_id WHERE s.project_id = %s AND s.external_id = ANY(%s)",
        (project_id, [line.solutions[0].external_id for line in labeled]),
    )
    seen = {(name, kind, generation, who): label for name, kind, generation, who, label in rows}
    for line in labeled:
        label, solution = line.label, line.solutions[0]
        assert label is not None
        place = (solution.external_id, label.kind, label.generation, label.labeler)
        if seen.setdefault(place, label.external_id) != label.external_id:
            solution.external_id += f":{label.external_id.rpartition(':')[2]}"


def load_labels(
    connection: psycopg.Connection,
    project_id: int,
    accepted: list[tuple[Line, Known]],
    solutions: dict[str, int],
) -> set[str]:
    """Returns the names of the labels that went in."""
    found = {line.label.external_id: (line, place) for line, place in accepted if line.label is not None}
    rows = connection.execute(
        "SELECT external_id FROM assignment WHERE project_id = %s AND external_id = ANY(%s)",
        (project_id, list(found)),
    )
    there = {row[0] for row in rows}
    new = [(line.label, line, place) for name, (line, place) in found.items() if name not in there]
    if not new:
        return set()
    users = _users(connection, {label.labeler for label, _, _ in new if label})
    places = [_place(label, line, solutions) for label, line, _ in new if label]
    tasks = _tasks(connection, project_id, places)
    assignments, steps = [], []
    ids = new_ids(connection, "assignment", len(new))
    for identity, place, (label, line, problem) in zip(ids, places, new, strict=True):
        assert label is not None
        origin = _origin(label, line.solutions[0], problem)
        assignments.append(
            f"{identity}\t{project_id}\t{tasks[place]}\t{users[label.labeler]}\tsubmitted"
            f"\t{label.submitted_at.isoformat()}\t{label.finish_reason}\t{number(label.total_time_ms)}"
            f"\t{json(origin)}\t{escaped(label.external_id)}"
        )
        steps += [_step_row(identity, position, step) for position, step in enumerate(label.steps)]
    copy(connection, "assignment", ASSIGNMENT, assignments)
    copy(connection, "step_label", STEP_LABEL, steps)
    return {label.external_id for label, _, _ in new if label}


def _place(label: LabelRecord, line: Line, solutions: dict[str, int]) -> Place:
    return solutions[line.solutions[0].external_id], label.kind, label.generation


def _users(connection: psycopg.Connection, wanted: set[UUID]) -> dict[UUID, int]:
    ordered = sorted(wanted)  # one order, so that two imports cannot lock each other out
    connection.execute(
        "INSERT INTO user_account (uuid) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING", (ordered,)
    )
    rows = connection.execute("SELECT uuid, id FROM user_account WHERE uuid = ANY(%s)", (ordered,))
    return {row[0]: row[1] for row in rows}


def _tasks(connection: psycopg.Connection, project_id: int, places: list[Place]) -> dict[Place, int]:
    """Each label takes a place of its own on the task: nothing more waits for anyone."""
    wanted = Counter(places)
    solutions, kinds, generations = zip(*wanted, strict=True)
    rows = connection.execute(
        """
        INSERT INTO task (project_id, solution_id, kind, generation, overlap, taken, reason)
        SELECT %s, solution_id, kind, generation, labels, labels, '{"strategy": "imported"}'
        FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[])
            AS w (solution_id, kind, generation, labels)
        ON CONFLICT (solution_id, kind, generation)
        DO UPDATE SET overlap = task.overlap + excluded.overlap, taken = task.taken + excluded.taken
        RETURNING solution_id, kind, generation, id
        """,
        (project_id, list(solutions), list(kinds), list(generations), list(wanted.values())),
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _origin(label: LabelRecord, solution: SolutionRecord, problem: Known) -> dict[str, object]:
    score = solution.detail.get("pre_generated_verifier_score")
    ours = row_of(
        Finished(
            labeler=label.labeler,
            submitted_at=label.submitted_at,
            generation=label.generation,
            kind=label.kind,
            statement=problem.statement,
            reference_answer=problem.reference_answer,
            reference_solution=problem.reference_solution,
            steps=solution.steps,
            final_answer=solution.final_answer,
            verifier_score=score,
            labels=label.steps,
            total_time_ms=label.total_time_ms,
            finish_reason=label.finish_reason,
            phase=label.phase,
        )
    )
    origin: dict[str, object] = {"format": "prm800k", **patch(ours, label.row)}
    if label.phase == 1:
        origin["phase"] = 1
    return origin


@lru_cache
def _usual(rating: int | None, flagged: bool | None, chosen: int | None) -> str:
    return f"\\N\t{small_array([rating])}\t{small_array([flagged])}\t{number(chosen)}\t\\N\t\\N"


def _step_row(assignment: int, position: int, step: StepRecord) -> str:
    if step.texts is None and step.human_text is None and step.ratings is not None and len(step.ratings) == 1:
        return f"{assignment}\t{position}\t{_usual(step.ratings[0], step.flags[0], step.chosen)}"  # type: ignore[index]
    return (
        f"{assignment}\t{position}\t{array(step.texts)}\t{small_array(step.ratings)}"
        f"\t{small_array(step.flags)}\t{number(step.chosen)}\t{escaped(step.human_text)}"
        f"\t{truth(step.human_flagged)}"
    )
