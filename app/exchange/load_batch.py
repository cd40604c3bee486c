"""One batch of lines into the database, inside the caller's transaction.

Under the project's import lock what is new can be told beforehand; new rows get their ids
from the tables' own sequences and go in by COPY. The unique indexes stand behind it: a row
somebody else wrote in between fails the batch, which is then tried again in halves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from app.exchange.copy_format import array, binary, copy, escaped, json, new_ids, number
from app.exchange.json_decoding import BadLine
from app.exchange.load_labels import load_labels, rename_repeats
from app.exchange.records import Line, ProblemRecord, SolutionRecord
from app.problems.problem_keys import statement_key


@dataclass(slots=True)
class Known:
    """A problem that is in the database, or goes in with this batch."""

    id: int
    split: str
    key: bytes
    statement: str
    reference_answer: str | None
    reference_solution: str | None


@dataclass
class Batch:
    project_id: int
    split: str
    format: str
    lines: list[tuple[int, Line]]
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[int, BadLine]] = field(default_factory=list)


def load(connection: psycopg.Connection, batch: Batch) -> None:
    known, testing = look_up(connection, batch)
    accepted: list[tuple[Line, Known]] = []
    fresh: dict[str, tuple[ProblemRecord, Known]] = {}
    for at, line in batch.lines:
        try:
            accepted.append((line, place_of(batch, line, known, testing, fresh)))
        except SplitConflict as bad:
            batch.counts["split_conflicts"] += 1
            batch.refused.append((at, bad))
        except BadLine as bad:
            batch.refused.append((at, bad))
    _insert_problems(connection, batch.project_id, fresh)
    batch.counts["problems"] += len(fresh)
    new_problems = {place.id for _, place in fresh.values()}
    rename_repeats(connection, batch.project_id, [line for line, _ in accepted])
    ids, new = _insert_solutions(connection, batch, accepted)
    labels = load_labels(connection, batch.project_id, accepted, ids)
    batch.counts["labels"] += len(labels)
    for line, place in accepted:
        brought = [each.external_id in new for each in line.solutions]
        label = line.label is not None and line.label.external_id in labels
        if not (any(brought) or label or (line.problem is not None and place.id in new_problems)):
            batch.counts["already_there"] += 1


class SplitConflict(BadLine):
    pass


def look_up(
    connection: psycopg.Connection, batch: Batch
) -> tuple[dict[str, Known], dict[bytes, tuple[bool, str]]]:
    """Problems by name; and per statement, whether it is in test here, and under what name."""
    problems = [line.problem for _, line in batch.lines if line.problem is not None]
    names = {each.external_id for each in problems}
    names |= {line.problem_id for _, line in batch.lines if line.problem_id is not None}
    rows = connection.execute(
        "SELECT external_id, id, split, statement_hash, statement, reference_answer, reference_solution"
        " FROM problem WHERE project_id = %s AND external_id = ANY(%s)",
        (batch.project_id, list(names)),
    )
    known = {row[0]: Known(row[1], row[2], bytes(row[3]), *row[4:]) for row in rows}
    keys = {statement_key(each.statement) for each in problems}
    rows = connection.execute(
        "SELECT statement_hash, split = 'test', external_id FROM problem"
        " WHERE project_id = %s AND statement_hash = ANY(%s)",
        (batch.project_id, list(keys)),
    )
    return known, {bytes(key): (in_test, name) for key, in_test, name in rows}


def place_of(
    batch: Batch,
    line: Line,
    known: dict[str, Known],
    testing: dict[bytes, tuple[bool, str]],
    fresh: dict[str, tuple[ProblemRecord, Known]],
) -> Known:
    """The problem a line belongs to, made known if it is new. Refuses what may not come in."""
    record = line.problem
    if record is None:
        found = known.get(line.problem_id or "")
        if found is None:
            raise BadLine(
                f"There is no problem named {(line.problem_id or '')[:100]!r} in the project.",
                "Import the problem first: on an earlier line, or in a file before this one.",
            )
        if line.label and found.split == "test":
            raise SplitConflict("The problem is in the test split: labels for it are refused.", "")
        return found
    key, split = statement_key(record.statement), record.split or batch.split
    there = testing.get(key)
    if there is not None and there[0] != (split == "test"):
        here = "the test split" if there[0] else "train or validation"
        raise SplitConflict(
            f"This problem is in {here} here, as {there[1]!r}, and this line brings it for {split}.",
            "A test problem is never trained on: leave it out, or import it with the split it has here.",
        )
    if line.label and split == "test":
        raise SplitConflict("Labels for a test problem are refused.", "Import with the split train.")
    found = known.get(record.external_id)
    if found is not None and found.key != key:
        raise BadLine(
            f"The name {record.external_id[:100]!r} belongs to another problem of the project.",
            "Give this one a name of its own.",
        )
    if found is None:
        found = Known(0, split, key, record.statement, record.reference_answer, record.reference_solution)
        known[record.external_id] = found
        fresh[record.external_id] = (record, found)
        testing[key] = (split == "test", record.external_id)
    return found


PROBLEM = (
    "id", "project_id", "external_id", "statement", "statement_hash", "reference_answer",
    "reference_solution", "subject", "level", "split", "source",
)  # fmt: skip


def _insert_problems(
    connection: psycopg.Connection, project_id: int, fresh: dict[str, tuple[ProblemRecord, Known]]
) -> None:
    rows = []
    for identity, (record, place) in zip(
        new_ids(connection, "problem", len(fresh)), fresh.values(), strict=True
    ):
        place.id = identity
        texts = (record.reference_answer, record.reference_solution, record.subject, record.level)
        start = f"{identity}\t{project_id}\t{escaped(record.external_id)}\t{escaped(record.statement)}"
        middle = "\t".join(map(escaped, texts))
        rows.append(f"{start}\t{binary(place.key)}\t{middle}\t{place.split}\t{escaped(record.source)}")
    copy(connection, "problem", PROBLEM, rows)


SOLUTION = (
    "id", "project_id", "problem_id", "external_id", "generator", "steps", "digest", "final_answer",
    "verdict", "detail",
)  # fmt: skip


def _insert_solutions(
    connection: psycopg.Connection, batch: Batch, accepted: list[tuple[Line, Known]]
) -> tuple[dict[str, int], set[str]]:
    """Ids of all the batch's solutions, and the names of those that are new."""
    wanted = {each.external_id: (each, place) for line, place in accepted for each in line.solutions}
    rows = connection.execute(
        "SELECT external_id, id FROM solution WHERE project_id = %s AND external_id = ANY(%s)",
        (batch.project_id, list(wanted)),
    )
    ids: dict[str, int] = {row[0]: row[1] for row in rows}
    new = [(record, place) for name, (record, place) in wanted.items() if name not in ids]
    made = list(zip(new_ids(connection, "solution", len(new)), new, strict=True))
    copy(
        connection,
        "solution",
        SOLUTION,
        (_solution_row(identity, batch.project_id, place, record) for identity, (record, place) in made),
    )
    _insert_said(connection, batch, [(identity, record) for identity, (record, _) in made])
    batch.counts["solutions"] += len(new)
    ids.update((record.external_id, identity) for identity, (record, _) in made)
    return ids, {record.external_id for record, _ in new}


def _solution_row(identity: int, project_id: int, place: Known, record: SolutionRecord) -> str:
    verdict = record.file_verdict if place.reference_answer is None else None  # else our grader's, later
    return (
        f"{identity}\t{project_id}\t{place.id}\t{escaped(record.external_id)}\t{escaped(record.generator)}"
        f"\t{array(record.steps)}\t{binary(record.digest)}\t{escaped(record.final_answer)}"
        f"\t{escaped(verdict)}\t{json(record.detail)}"
    )


def _insert_said(
    connection: psycopg.Connection, batch: Batch, made: list[tuple[int, SolutionRecord]]
) -> None:
    """What the file says of a solution, beside what we shall find."""
    source = f"file:{batch.format}"
    verdicts = (f"{i}\t{source}\t{r.file_verdict}" for i, r in made if r.file_verdict)
    copy(connection, "verdict", ("solution_id", "source", "verdict"), verdicts)
    labels = (
        f"{i}\t{source}\t{number(r.first_error)}\t{_ratings(r.outside_ratings)}"
        for i, r in made
        if r.has_outside_label
    )
    copy(connection, "outside_label", ("solution_id", "source", "first_error", "ratings"), labels)
    columns = ("solution_id", "position", "candidate", "prefix", "text", "source")
    candidates = (
        f"{i}\t{each.position}\t{each.candidate}\t{_ratings(each.prefix)}\t{escaped(each.text)}\t{source}"
        for i, r in made
        for each in r.alternatives
    )
    copy(connection, "alternative", columns, candidates)


def _ratings(values: Sequence[int] | None) -> str:
    return "\\N" if values is None else "{" + ",".join(map(str, values)) + "}"
