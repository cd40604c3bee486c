"""What the first lines of a file would become, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from app.exchange.exporter import driver_connection
from app.exchange.file_reader import iter_entries
from app.exchange.formats.guess import FormatGuess
from app.exchange.formats.registry import parse_record
from app.exchange.json_decoding import RecordError
from app.exchange.load_batch import Batch, ExistingProblem, SplitConflict, find_existing, resolve_problem
from app.exchange.records import ImportedRecord, ProblemRecord

SCANNED_RECORDS = 200
SAMPLE_RECORDS = 5


@dataclass
class Preview:
    scanned: int = 0
    samples: list[tuple[int, ImportedRecord]] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    duplicates: int = 0
    split_conflicts: int = 0
    problems: int = 0
    solutions: int = 0
    labels: int = 0


def build_preview(db: Session, project_id: int, path: Path, choice: FormatGuess) -> Preview:
    found = Preview()
    lines: list[tuple[int, ImportedRecord]] = []
    for entry in islice(iter_entries(path), SCANNED_RECORDS):
        found.scanned += 1
        try:
            if entry.error is not None:
                raise entry.error
            lines.append((entry.number, parse_record(choice.format, entry.raw, choice.context)))
        except RecordError as bad:
            found.errors.append((entry.number, str(bad)))
    batch = Batch(project_id, choice.split, choice.format, lines)
    known, testing = find_existing(driver_connection(db), batch)
    there = set(known)
    fresh: dict[str, tuple[ProblemRecord, ExistingProblem]] = {}
    for number, line in lines:
        found.duplicates += line.problem is not None and line.problem.external_id in there
        try:
            resolve_problem(batch, line, known, testing, fresh)
        except RecordError as bad:
            found.split_conflicts += isinstance(bad, SplitConflict)
            found.errors.append((number, str(bad)))
            continue
        found.solutions += len(line.solutions)
        found.labels += line.label is not None
        if len(found.samples) < SAMPLE_RECORDS:
            found.samples.append((number, line))
    found.problems = len(fresh)
    found.errors.sort()
    return found
