"""Writes one batch of records to the database, in the transaction of the caller.

Under the project's import lock what is new can be told beforehand; new rows get their ids
from the tables' own sequences and go in by COPY. The unique indexes stand behind it: a row
somebody else wrote in between fails the batch, which is then tried again in halves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from app.exchange.copy_format import (
    allocate_ids,
    copy_rows,
    escape_text,
    format_bytes,
    format_int,
    format_json,
    format_text_array,
)
from app.exchange.fill_gaps import fill_references, fill_solutions
from app.exchange.formats import IMPORT_FORMATS
from app.exchange.joined_problems import find_joined
from app.exchange.json_decoding import RecordError
from app.exchange.load_labels import insert_labels, rename_repeated_labels
from app.exchange.records import ExistingProblem, ImportedRecord, ProblemRecord, SolutionRecord
from app.exchange.repeated_records import load_repeated, require_same_reference
from app.problems.problem_keys import solution_key, statement_key
from app.problems.step_kinds import find_step_kinds


@dataclass
class Batch:
    project_id: int
    split: str
    format: str
    records: list[tuple[int, ImportedRecord]]
    source_name: str = ""
    """Names the source of verdicts and labels: the format, or the mapping."""
    split_requested: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, RecordError]] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The source of the verdicts and labels, as stored."""
        return f"file:{self.source_name or self.format}"


def insert_batch(connection: psycopg.Connection, batch: Batch) -> None:
    accepted, fresh = _accept_records(connection, batch)
    _insert_problems(connection, batch.project_id, fresh)
    batch.counts["problems"] += len(fresh)
    new_problems = {place.id for _, place in fresh.values()}
    rename_repeated_labels(connection, batch.project_id, [line for line, _ in accepted])
    fills = IMPORT_FORMATS[batch.format].fills_gaps
    filled_problems = _fill_references(connection, accepted, new_problems) if fills else set()
    ids, new, filled = _insert_solutions(connection, batch, accepted)
    labels = insert_labels(connection, batch.project_id, accepted, ids)
    batch.counts["labels"] += len(labels)
    for line, place in accepted:
        names = {solution.external_id for solution in line.solutions}
        if not _take_new(line, place, names, new_problems, new, labels):
            updated = bool(names & filled) or (line.problem is not None and place.id in filled_problems)
            batch.counts["updated" if updated else "duplicates"] += 1


def _accept_records(
    connection: psycopg.Connection, batch: Batch
) -> tuple[list[tuple[ImportedRecord, ExistingProblem]], dict[str, tuple[ProblemRecord, ExistingProblem]]]:
    """The records that can be imported with their problems, and the problems that are new."""
    problems_by_id, testing = find_existing(connection, batch)
    repeated = load_repeated(connection, batch.project_id, batch.source, batch.records)
    fills = IMPORT_FORMATS[batch.format].fills_gaps
    accepted: list[tuple[ImportedRecord, ExistingProblem]] = []
    fresh: dict[str, tuple[ProblemRecord, ExistingProblem]] = {}
    for at, line in batch.records:
        try:
            repeated.require_same(line)
            problem = resolve_problem(batch, line, problems_by_id, testing, fresh)
            if fills and line.problem is not None:
                require_same_reference(line.problem, problem.reference_answer)
            accepted.append((line, problem))
            batch.counts["other_split"] += problem.split != find_requested_split(batch, line, problem)
            repeated.add(line)
        except RecordError as bad:
            batch.counts["split_conflicts"] += isinstance(bad, SplitConflict)
            batch.rejected.append((at, bad))
    return accepted, fresh


def _take_new(
    line: ImportedRecord,
    place: ExistingProblem,
    names: set[str],
    problems: set[int],
    solutions: set[str],
    labels: set[str],
) -> bool:
    """Whether the record brought something new. What it brought is removed from the sets, so that a record
    that repeats it within the file counts as a duplicate."""
    is_new = bool(names & solutions)
    solutions -= names
    if line.problem is not None and place.id in problems:
        problems.discard(place.id)
        is_new = True
    if line.label is not None and line.label.external_id in labels:
        labels.discard(line.label.external_id)
        is_new = True
    return is_new


class SplitConflict(RecordError):
    pass


def find_existing(
    connection: psycopg.Connection, batch: Batch
) -> tuple[dict[str, ExistingProblem], dict[bytes, tuple[bool, str]]]:
    """Problems by external id; for each statement, whether it is in test, and its external id."""
    problems = [line.problem for _, line in batch.records if line.problem is not None]
    names = {problem.external_id for problem in problems}
    names |= {line.problem_id for _, line in batch.records if line.problem_id is not None}
    rows = connection.execute(
        "SELECT external_id, id, split, statement_hash, statement, reference_answer, reference_solution"
        " FROM problem WHERE project_id = %s AND external_id = ANY(%s)",
        (batch.project_id, list(names)),
    )
    problems_by_id = {row[0]: ExistingProblem(row[1], row[2], bytes(row[3]), *row[4:]) for row in rows}
    if IMPORT_FORMATS[batch.format].joins_problems:
        joined = find_joined(connection, batch.project_id, batch.format, problems)
        problems_by_id = joined | problems_by_id
    keys = {statement_key(problem.statement) for problem in problems}
    rows = connection.execute(
        "SELECT statement_hash, split = 'test', external_id FROM problem"
        " WHERE project_id = %s AND statement_hash = ANY(%s)",
        (batch.project_id, list(keys)),
    )
    return problems_by_id, {bytes(key): (in_test, name) for key, in_test, name in rows}


def resolve_problem(
    batch: Batch,
    line: ImportedRecord,
    problems_by_id: dict[str, ExistingProblem],
    testing: dict[bytes, tuple[bool, str]],
    fresh: dict[str, tuple[ProblemRecord, ExistingProblem]],
) -> ExistingProblem:
    """The problem of a record, added to `fresh` if it is new. Raises RecordError if it cannot be imported."""
    record = line.problem
    if record is None:
        problem = problems_by_id.get(line.problem_id or "")
        if problem is None:
            raise RecordError(
                f"There is no problem named {(line.problem_id or '')[:100]!r} in this project.",
                "Import the problem first, in an earlier record or another file.",
            )
        if line.label and problem.split == "test":
            raise SplitConflict("The problem is in the test split: labels for it are refused.", "")
        return problem
    key, split = statement_key(record.statement), record.split or batch.split
    existing = testing.get(key)
    if existing is not None and existing[0] != (split == "test"):
        split_name = "the test split" if existing[0] else "train or validation"
        raise SplitConflict(
            f"This problem is already in {split_name}, as {existing[1]!r}, but the record is for {split}.",
            "Test problems are never trained on. Leave the record out, or import it with the existing split.",
        )
    if line.label and split == "test":
        raise SplitConflict("Labels for a test problem are refused.", "Import with the split train.")
    problem = problems_by_id.get(record.external_id)
    if problem is not None and problem.key != key:
        raise RecordError(
            f"The identifier {record.external_id[:100]!r} belongs to another problem of the project.",
            "Give this problem another identifier.",
        )
    if problem is None:
        problem = ExistingProblem(
            0, split, key, record.statement, record.reference_answer, record.reference_solution
        )
        problems_by_id[record.external_id] = problem
        fresh[record.external_id] = (record, problem)
        testing[key] = (split == "test", record.external_id)
    return problem


def find_requested_split(batch: Batch, line: ImportedRecord, problem: ExistingProblem) -> str:
    """The split that the record or the user named, or else that of the problem."""
    named = line.problem.split if line.problem is not None else None
    return named or (batch.split if batch.split_requested else problem.split)


def _fill_references(
    connection: psycopg.Connection,
    accepted: list[tuple[ImportedRecord, ExistingProblem]],
    new_problems: set[int],
) -> set[int]:
    without = {
        place.id: (line.problem, place)
        for line, place in accepted
        if line.problem is not None and place.id not in new_problems and place.reference_answer is None
    }
    filled = fill_references(connection, [(key, record) for key, (record, _) in without.items()])
    for key in filled:
        record, place = without[key]
        place.reference_answer = record.reference_answer
    return filled


PROBLEM_COLUMNS = (
    "id", "project_id", "external_id", "statement", "statement_hash", "reference_answer",
    "reference_solution", "subject", "level", "split", "source",
)  # fmt: skip


def _insert_problems(
    connection: psycopg.Connection, project_id: int, fresh: dict[str, tuple[ProblemRecord, ExistingProblem]]
) -> None:
    rows = []
    for identity, (record, place) in zip(
        allocate_ids(connection, "problem", len(fresh)), fresh.values(), strict=True
    ):
        place.id = identity
        texts = (record.reference_answer, record.reference_solution, record.subject, record.level)
        start = (
            f"{identity}\t{project_id}\t{escape_text(record.external_id)}\t{escape_text(record.statement)}"
        )
        middle = "\t".join(map(escape_text, texts))
        rows.append(
            f"{start}\t{format_bytes(place.key)}\t{middle}\t{place.split}\t{escape_text(record.source)}"
        )
    copy_rows(connection, "problem", PROBLEM_COLUMNS, rows)


SOLUTION_COLUMNS = (
    "id", "project_id", "problem_id", "external_id", "generator", "steps", "step_kinds", "digest", "text_key",
    "final_answer", "verdict", "detail",
)  # fmt: skip


def _insert_solutions(
    connection: psycopg.Connection, batch: Batch, accepted: list[tuple[ImportedRecord, ExistingProblem]]
) -> tuple[dict[str, int], set[str], set[str]]:
    """Ids of all solutions of the batch, and the external ids of the new and the filled ones."""
    records = {
        solution.external_id: (solution, place) for line, place in accepted for solution in line.solutions
    }
    rows = connection.execute(
        "SELECT external_id, id FROM solution WHERE project_id = %s AND external_id = ANY(%s)",
        (batch.project_id, list(records)),
    )
    ids: dict[str, int] = {row[0]: row[1] for row in rows}
    repeated = [(ids[name], record) for name, (record, _) in records.items() if name in ids]
    fills = IMPORT_FORMATS[batch.format].fills_gaps
    filled = fill_solutions(connection, batch.source, repeated) if fills else set()
    new = [(record, place) for name, (record, place) in records.items() if name not in ids]
    inserted = list(zip(allocate_ids(connection, "solution", len(new)), new, strict=True))
    copy_rows(
        connection,
        "solution",
        SOLUTION_COLUMNS,
        (_solution_row(identity, batch.project_id, place, record) for identity, (record, place) in inserted),
    )
    _insert_file_claims(connection, batch, [(identity, record) for identity, (record, _) in inserted])
    batch.counts["solutions"] += len(new)
    ids.update((record.external_id, identity) for identity, (record, _) in inserted)
    return ids, {record.external_id for record, _ in new}, filled


def _solution_row(identity: int, project_id: int, place: ExistingProblem, record: SolutionRecord) -> str:
    verdict = record.file_verdict if place.reference_answer is None else None  # else our grader's, later
    kinds = record.step_kinds or find_step_kinds(record.steps)
    return (
        f"{identity}\t{project_id}\t{place.id}\t{escape_text(record.external_id)}\t{escape_text(record.generator)}"
        f"\t{format_text_array(record.steps)}\t{_format_ints(kinds)}\t{format_bytes(record.digest)}\t{format_bytes(solution_key(record.steps))}\t{escape_text(record.final_answer)}"
        f"\t{escape_text(verdict)}\t{format_json(record.detail)}"
    )


def _insert_file_claims(
    connection: psycopg.Connection, batch: Batch, inserted: list[tuple[int, SolutionRecord]]
) -> None:
    """The verdicts, external labels and alternatives in the file."""
    source = batch.source
    verdicts = (f"{i}\t{source}\t{r.file_verdict}" for i, r in inserted if r.file_verdict)
    copy_rows(connection, "verdict", ("solution_id", "source", "verdict"), verdicts)
    labels = (
        f"{i}\t{source}\t{format_int(r.first_error)}\t{_format_ints(r.external_ratings)}"
        for i, r in inserted
        if r.has_external_label
    )
    copy_rows(connection, "external_label", ("solution_id", "source", "first_error", "ratings"), labels)
    columns = ("solution_id", "position", "candidate", "prefix", "text", "source")
    candidates = (
        f"{i}\t{alternative.position}\t{alternative.candidate}\t{_format_ints(alternative.prefix)}\t{escape_text(alternative.text)}\t{source}"
        for i, r in inserted
        for alternative in r.alternatives
    )
    copy_rows(connection, "alternative", columns, candidates)


def _format_ints(values: Sequence[int] | None) -> str:
    return "\\N" if values is None else "{" + ",".join(map(str, values)) + "}"
