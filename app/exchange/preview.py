"""What the first lines of a file would become, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from app.exchange.exporter import connection_of
from app.exchange.file_reader import entries
from app.exchange.formats import parse
from app.exchange.importer import Choice
from app.exchange.json_decoding import BadLine
from app.exchange.load_batch import Batch, Known, SplitConflict, look_up, place_of
from app.exchange.records import Line, ProblemRecord

LOOKED_AT = 200
SHOWN = 5


@dataclass
class Preview:
    looked_at: int = 0
    shown: list[tuple[int, Line]] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    already_there: int = 0
    split_conflicts: int = 0
    problems: int = 0
    solutions: int = 0
    labels: int = 0


def preview(db: Session, project_id: int, path: Path, choice: Choice) -> Preview:
    found = Preview()
    lines: list[tuple[int, Line]] = []
    for entry in islice(entries(path), LOOKED_AT):
        found.looked_at += 1
        try:
            if entry.bad is not None:
                raise entry.bad
            lines.append((entry.number, parse(choice.format, entry.raw, choice.segmentation)))
        except BadLine as bad:
            found.errors.append((entry.number, str(bad)))
    batch = Batch(project_id, choice.split, choice.format, lines)
    known, testing = look_up(connection_of(db), batch)
    there = set(known)
    fresh: dict[str, tuple[ProblemRecord, Known]] = {}
    for number, line in lines:
        found.already_there += line.problem is not None and line.problem.external_id in there
        try:
            place_of(batch, line, known, testing, fresh)
        except BadLine as bad:
            found.split_conflicts += isinstance(bad, SplitConflict)
            found.errors.append((number, str(bad)))
            continue
        found.solutions += len(line.solutions)
        found.labels += line.label is not None
        if len(found.shown) < SHOWN:
            found.shown.append((number, line))
    found.problems = len(fresh)
    found.errors.sort()
    return found
