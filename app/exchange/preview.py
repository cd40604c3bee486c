"""The first records of a file as they would be imported, without writing anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from app.exchange.driver import driver_connection
from app.exchange.file_reader import iter_entries
from app.exchange.file_stream import BadFile
from app.exchange.formats.guess import FormatGuess
from app.exchange.formats.registry import parse_record
from app.exchange.json_decoding import RecordError
from app.exchange.load_batch import Batch, SplitConflict, find_existing, resolve_problem
from app.exchange.records import ExistingProblem, ImportedRecord, ProblemRecord
from app.problems.segmentation.notices import Notice, Sample, find_notices, suggest_segmentation

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
    notices: list[Notice] = field(default_factory=list)


def suggest_choice(path: Path, choice: FormatGuess) -> FormatGuess:
    """The choice with the segmentation that suits the file's free texts, where the format's default is
    one step per line."""
    if choice.segmentation != "line":
        return choice
    lines = _parse_start(path, choice, Preview())
    texts = [solution.free_text for _, line in lines for solution in line.solutions]
    suggestion = suggest_segmentation([text for text in texts if text is not None])
    return choice if suggestion is None else replace(choice, segmentation=suggestion)


def _parse_start(path: Path, choice: FormatGuess, preview: Preview) -> list[tuple[int, ImportedRecord]]:
    """The records at the start of the file; the others go to the errors of the preview."""
    lines: list[tuple[int, ImportedRecord]] = []
    for entry in islice(iter_entries(path), SCANNED_RECORDS):
        preview.scanned += 1
        try:
            if entry.error is not None:
                raise entry.error
            lines.append((entry.number, parse_record(choice.format, entry.raw, choice.context)))
        except RecordError as bad:
            preview.errors.append((entry.number, str(bad)))
    return lines


def _find_notices(lines: list[tuple[int, ImportedRecord]], choice: FormatGuess) -> list[Notice]:
    samples = [
        Sample(number, solution.steps, solution.free_text)
        for number, line in lines
        for solution in line.solutions
    ]
    return find_notices(samples, choice.segmentation)


def describe_start(path: Path, choice: FormatGuess, *, is_chosen: bool) -> list[str]:
    """What the texts at the start of a file call for, in sentences. `is_chosen`: the user chose how they are
    split."""
    try:
        lines = _parse_start(path, choice, Preview())
        suggestion = choice if is_chosen else suggest_choice(path, choice)
    except BadFile:
        return []  # the import says so, with what it read until then
    sentences = [f"{notice.message} {notice.describe_lines()}." for notice in _find_notices(lines, choice)]
    if suggestion.segmentation != choice.segmentation:
        sentences.insert(
            0,
            f"These texts look like model output but are split by {choice.segmentation}: the segmentation"
            f" {suggestion.segmentation} fits them better.",
        )
    return sentences


def build_preview(db: Session, project_id: int, path: Path, choice: FormatGuess) -> Preview:
    preview = Preview()
    lines = _parse_start(path, choice, preview)
    preview.notices = _find_notices(lines, choice)
    batch = Batch(project_id, choice.split, choice.format, lines)
    problems_by_id, testing = find_existing(driver_connection(db), batch)
    existing = set(problems_by_id)
    fresh: dict[str, tuple[ProblemRecord, ExistingProblem]] = {}
    for number, line in lines:
        preview.duplicates += line.problem is not None and line.problem.external_id in existing
        try:
            resolve_problem(batch, line, problems_by_id, testing, fresh)
        except RecordError as bad:
            preview.split_conflicts += isinstance(bad, SplitConflict)
            preview.errors.append((number, str(bad)))
            continue
        preview.solutions += len(line.solutions)
        preview.labels += line.label is not None
        if len(preview.samples) < SAMPLE_RECORDS:
            preview.samples.append((number, line))
    preview.problems = len(fresh)
    preview.errors.sort()
    return preview
