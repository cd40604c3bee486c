"""Records that were imported before: a record with a known identifier but other content is rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from app.answers.normalize import normalize
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord

SELECT_STATED = """
    SELECT s.external_id, v.verdict, e.first_error, e.ratings
    FROM solution s
    LEFT JOIN verdict v ON v.solution_id = s.id AND v.source = %(source)s
    LEFT JOIN external_label e ON e.solution_id = s.id AND e.source = %(source)s
    WHERE s.project_id = %(project)s AND s.external_id = ANY(%(names)s)
      AND (v.solution_id IS NOT NULL OR e.solution_id IS NOT NULL)
"""


@dataclass(slots=True)
class StatedContent:
    """What a source says of a solution; None where it says nothing."""

    verdict: str | None = None
    first_error: int | None = None
    ratings: list[int] | None = None


@dataclass
class RepeatedRecords:
    """The solutions that are already imported, and those of this batch that were accepted."""

    digests: dict[str, bytes]
    stated: dict[str, StatedContent]

    def require_same(self, line: ImportedRecord) -> None:
        """Raises RecordError for a solution whose identifier has other content."""
        for solution in line.solutions:
            if self.digests.get(solution.external_id, solution.digest) != solution.digest:
                raise RecordError(
                    f"The solution {solution.external_id[:100]!r} is already imported with other steps.",
                    "Give this one an identifier of its own, or split its text into steps as before.",
                )
            if stated := self.stated.get(solution.external_id):
                _require_same_content(solution, stated)

    def add(self, line: ImportedRecord) -> None:
        for solution in line.solutions:
            self.digests[solution.external_id] = solution.digest
            if solution.file_verdict is not None or solution.has_external_label:
                self.stated[solution.external_id] = StatedContent(
                    solution.file_verdict, solution.first_error, solution.external_ratings
                )


def load_repeated(
    connection: psycopg.Connection,
    project_id: int,
    source: str,
    records: Sequence[tuple[int, ImportedRecord]],
) -> RepeatedRecords:
    """`source` is that of the verdicts and labels which the records bring."""
    names = [solution.external_id for _, line in records for solution in line.solutions]
    rows = connection.execute(
        "SELECT external_id, digest FROM solution WHERE project_id = %s AND external_id = ANY(%s)",
        (project_id, names),
    )
    digests = {name: bytes(digest) for name, digest in rows}
    if not digests:
        return RepeatedRecords({}, {})
    values = {"source": source, "project": project_id, "names": list(digests)}
    stated = {row[0]: StatedContent(*row[1:]) for row in connection.execute(SELECT_STATED, values)}
    return RepeatedRecords(digests, stated)


def _require_same_content(solution: SolutionRecord, stated: StatedContent) -> None:
    pairs = (
        ("verdict", solution.file_verdict, stated.verdict),
        ("first error", solution.first_error, stated.first_error),
        ("step labels", solution.external_ratings, stated.ratings),
    )
    for name, new, old in pairs:
        if new is not None and old is not None and new != old:
            raise RecordError(
                f"The solution {solution.external_id[:100]!r} is already imported with another {name}:"
                f" {str(old)[:60]}, not {str(new)[:60]}.",
                "Give this one an identifier of its own, or leave it out.",
            )


def _are_spellings(new: str, old: str) -> bool:
    """Whether two answers are the same but for spelling."""
    try:
        return new.strip() == old.strip() or normalize(new) == normalize(old)
    except ValueError:
        return False


def require_same_reference(record: ProblemRecord, reference: str | None) -> None:
    """Raises RecordError for a problem whose identifier has another reference answer."""
    new = record.reference_answer
    if new is not None and reference is not None and not _are_spellings(new, reference):
        raise RecordError(
            f"The problem {record.external_id[:100]!r} is already imported with the reference answer"
            f" {reference[:60]!r}, not {new[:60]!r}.",
            "Correct the reference answer on the page of the problem, or leave the record out.",
        )
