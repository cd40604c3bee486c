"""Imported labels: labelers without a login, their tasks, submitted assignments and step labels."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from uuid import UUID

import psycopg

from app.exchange.copy_format import (
    allocate_ids,
    copy_rows,
    escape_text,
    format_array,
    format_bool,
    format_int,
    format_json,
    format_text_array,
)
from app.exchange.prm800k import Submission, build_row, name_row
from app.exchange.records import ExistingProblem, ImportedRecord, LabelRecord, SolutionRecord, StepRecord
from app.exchange.row_patches import build_patch

TaskKey = tuple[int, str, int | None]
"""A task: solution, kind, generation."""

ASSIGNMENT_COLUMNS = (
    "id", "project_id", "task_id", "user_id", "state", "submitted_at", "finish_reason",
    "total_time_ms", "import_origin", "external_id",
)  # fmt: skip
STEP_LABEL_COLUMNS = (
    "assignment_id", "position", "texts", "ratings", "flags", "chosen", "human_text", "human_flagged",
)  # fmt: skip


def rename_repeated_labels(
    connection: psycopg.Connection, project_id: int, lines: list[ImportedRecord]
) -> None:
    """A labeler who labeled a solution twice in one generation cannot have two assignments for one
    task. The second row gets a copy of the solution, named after the row."""
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


def insert_labels(
    connection: psycopg.Connection,
    project_id: int,
    accepted: list[tuple[ImportedRecord, ExistingProblem]],
    solutions: dict[str, int],
) -> set[str]:
    """Returns the external ids of the labels that were inserted."""
    labeled = {line.label.external_id: (line, place) for line, place in accepted if line.label is not None}
    rows = connection.execute(
        "SELECT external_id FROM assignment WHERE project_id = %s AND external_id = ANY(%s)",
        (project_id, list(labeled)),
    )
    existing = {row[0] for row in rows}
    new = [(line.label, line, place) for name, (line, place) in labeled.items() if name not in existing]
    if not new:
        return set()
    users = _upsert_users(connection, {label.labeler for label, _, _ in new if label})
    places = [_build_task_key(label, line, solutions) for label, line, _ in new if label]
    tasks = _upsert_tasks(connection, project_id, places)
    assignments, steps = [], []
    ids = allocate_ids(connection, "assignment", len(new))
    for identity, place, (label, line, problem) in zip(ids, places, new, strict=True):
        assert label is not None
        origin = _build_origin(label, line.solutions[0], problem)
        assignments.append(
            f"{identity}\t{project_id}\t{tasks[place]}\t{users[label.labeler]}\tsubmitted"
            f"\t{label.submitted_at.isoformat()}\t{label.finish_reason}\t{format_int(label.total_time_ms)}"
            f"\t{format_json(origin)}\t{escape_text(label.external_id)}"
        )
        steps += [_format_step_label(identity, position, step) for position, step in enumerate(label.steps)]
    copy_rows(connection, "assignment", ASSIGNMENT_COLUMNS, assignments)
    copy_rows(connection, "step_label", STEP_LABEL_COLUMNS, steps)
    return {label.external_id for label, _, _ in new if label}


def _build_task_key(label: LabelRecord, line: ImportedRecord, solutions: dict[str, int]) -> TaskKey:
    return solutions[line.solutions[0].external_id], label.kind, label.generation


def _upsert_users(connection: psycopg.Connection, uuids: set[UUID]) -> dict[UUID, int]:
    ordered = sorted(uuids)  # one order, so that two imports cannot lock each other out
    connection.execute(
        "INSERT INTO user_account (uuid) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING", (ordered,)
    )
    rows = connection.execute("SELECT uuid, id FROM user_account WHERE uuid = ANY(%s)", (ordered,))
    return {row[0]: row[1] for row in rows}


def _upsert_tasks(
    connection: psycopg.Connection, project_id: int, places: list[TaskKey]
) -> dict[TaskKey, int]:
    """Each label counts towards the overlap of its task, so that imported tasks are not queued."""
    counts = Counter(places)
    solutions, kinds, generations = zip(*counts, strict=True)
    rows = connection.execute(
        """
        INSERT INTO task (project_id, solution_id, kind, generation, overlap, assigned_count, reason)
        SELECT %s, solution_id, kind, generation, labels, labels, '{"strategy": "imported"}'
        FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[])
            AS w (solution_id, kind, generation, labels)
        ON CONFLICT (solution_id, kind, generation)
        DO UPDATE SET overlap = task.overlap + excluded.overlap, 
            assigned_count = task.assigned_count + excluded.assigned_count
        RETURNING solution_id, kind, generation, id
        """,
        (project_id, list(solutions), list(kinds), list(generations), list(counts.values())),
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _build_origin(
    label: LabelRecord, solution: SolutionRecord, problem: ExistingProblem
) -> dict[str, object]:
    score = solution.detail.get("pre_generated_verifier_score")
    ours = build_row(
        Submission(
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
    origin: dict[str, object] = {"format": "prm800k"}
    if name_row(ours) != label.row_name:  # nearly every row is as an export writes it
        origin |= build_patch(ours, label.row)
    if label.phase == 1:
        origin["phase"] = 1
    return origin


@lru_cache
def _format_single_rating(rating: int | None, flagged: bool | None, chosen: int | None) -> str:
    return f"\\N\t{format_array([rating])}\t{format_array([flagged])}\t{format_int(chosen)}\t\\N\t\\N"


def _format_step_label(assignment: int, position: int, step: StepRecord) -> str:
    if step.texts is None and step.human_text is None and step.ratings is not None and len(step.ratings) == 1:
        return (
            f"{assignment}\t{position}\t{_format_single_rating(step.ratings[0], step.flags[0], step.chosen)}"  # type: ignore[index]
        )
    return (
        f"{assignment}\t{position}\t{format_text_array(step.texts)}\t{format_array(step.ratings)}"
        f"\t{format_array(step.flags)}\t{format_int(step.chosen)}\t{escape_text(step.human_text)}"
        f"\t{format_bool(step.human_flagged)}"
    )
