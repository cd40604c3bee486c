"""The content of a record as plain data, before the database is involved."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.problems.problem_keys import statement_key


@dataclass(slots=True)
class ProblemRecord:
    external_id: str
    statement: str
    reference_answer: str | None = None
    reference_solution: str | None = None
    subject: str | None = None
    level: str | None = None
    split: str | None = None
    """The split in the record; None means the split of the import."""
    source: str = ""


@dataclass(slots=True)
class AlternativeRecord:
    """An alternative to the step of the solution, valid after the candidates in `prefix`."""

    position: int
    candidate: int
    prefix: tuple[int, ...]
    text: str


@dataclass(slots=True)
class SolutionRecord:
    external_id: str
    steps: list[str]
    generator: str = ""
    final_answer: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    file_verdict: str | None = None
    """The verdict in the file: correct, incorrect or unparseable."""
    first_error: int | None = None
    external_ratings: list[int] | None = None
    alternatives: list[AlternativeRecord] = field(default_factory=list)
    step_kinds: list[int] | None = None
    """What the record says; None: the thinking tags in the steps decide."""
    free_text: str | None = None
    """What the steps were cut out of; None where the file lists the steps."""
    _digest: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def has_external_label(self) -> bool:
        return self.first_error is not None or self.external_ratings is not None

    @property
    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = hashlib.sha256("\0".join(self.steps).encode()).digest()
        return self._digest


@dataclass(slots=True)
class StepRecord:
    """One position of a label, as stored in `step_label`."""

    texts: list[str] | None
    ratings: list[int | None] | None
    flags: list[bool | None] | None
    chosen: int | None
    human_text: str | None = None
    human_flagged: bool | None = None


@dataclass(slots=True)
class LabelRecord:
    external_id: str
    labeler: UUID
    kind: str
    generation: int | None
    submitted_at: dt.datetime
    finish_reason: str
    total_time_ms: int | None
    steps: list[StepRecord]
    row: dict[str, Any]
    """The original row. What the tables cannot hold is stored in `assignment.import_origin`."""
    phase: int = 2
    row_name: str = ""
    """Names the content of the row: equal for rows that are equal as JSON."""


@dataclass(slots=True)
class ImportedRecord:
    """The content of one record, imported completely or not at all."""

    problem: ProblemRecord | None = None
    problem_id: str | None = None
    """The problem of a solution, if the problem has a record of its own."""
    solutions: list[SolutionRecord] = field(default_factory=list)
    label: LabelRecord | None = None


def build_statement_id(prefix: str, statement: str) -> str:
    """An identifier for problems that have none. Equal statements are one problem."""
    return f"{prefix}:{statement_key(statement).hex()[:24]}"


@dataclass(slots=True)
class ExistingProblem:
    """A problem in the database, or one that this batch creates."""

    id: int
    split: str
    key: bytes
    statement: str
    reference_answer: str | None
    reference_solution: str | None
