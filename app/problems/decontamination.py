"""Which train problems share long passages with test problems: runs of N words, 13 by default (Brown et al.
2020, appendix C). Words are compared without case and punctuation. A statement that is shorter counts whole,
if it has at least 8 words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

DEFAULT_WORDS = 13
LEAST_WORDS, MOST_WORDS = 8, 50
MAX_PAIRS = 1_000
WORD = re.compile(r"\w+")
SELECT_STATEMENTS = text(
    """
    SELECT id, external_id, statement, split FROM problem
    WHERE project_id = :project_id AND (split = 'test') = :is_test ORDER BY id
    """
)


@dataclass(frozen=True, slots=True)
class Statement:
    id: int
    external_id: str
    text: str
    split: str = "test"


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """A problem of another split and a test problem that share a passage."""

    problem: Statement
    test_problem: Statement
    share: float
    """The share of the problem's passages of N words that the test problem has too, from 0 to 1."""
    passage: str
    """The first shared passage, in lower case."""


@dataclass(frozen=True, slots=True)
class OverlapReport:
    passage_length: int
    problems: int
    """Compared problems of train and validation."""
    test_problems: int
    pairs: list[OverlapPair]
    """At most MAX_PAIRS, the largest shares first."""
    pair_count: int


def report_overlap(db: Session, project_id: int, passage_length: int = DEFAULT_WORDS) -> OverlapReport:
    """Compare every problem of train and validation with the test problems of the project."""
    tests = list(_iter_statements(db, project_id, is_test=True))
    problems = _iter_statements(db, project_id, is_test=False)
    return find_overlap(problems, tests, passage_length)


def find_overlap(problems: Iterable[Statement], tests: list[Statement], passage_length: int) -> OverlapReport:
    by_passage: dict[int, list[int]] = {}
    for at, statement in enumerate(tests):
        for key in {hash(passage) for passage in iter_passages(statement.text, passage_length)}:
            by_passage.setdefault(key, []).append(at)
    pairs: list[OverlapPair] = []
    count = 0
    for problem in problems:
        count += 1
        pairs += _match(problem, tests, by_passage, passage_length)
    pairs.sort(key=lambda pair: (-pair.share, pair.problem.id, pair.test_problem.id))
    return OverlapReport(passage_length, count, len(tests), pairs[:MAX_PAIRS], len(pairs))


def iter_passages(statement: str, passage_length: int) -> Iterator[tuple[str, ...]]:
    """The runs of `passage_length` words, or all of a shorter statement of at least LEAST_WORDS words."""
    spellings = WORD.findall(statement.casefold())
    if LEAST_WORDS <= len(spellings) < passage_length:
        yield tuple(spellings)
    for start in range(len(spellings) - passage_length + 1):
        yield tuple(spellings[start : start + passage_length])


def _match(
    problem: Statement, tests: list[Statement], by_passage: dict[int, list[int]], passage_length: int
) -> Iterator[OverlapPair]:
    passages = list(iter_passages(problem.text, passage_length))
    shared: dict[int, list[tuple[str, ...]]] = {}
    for passage in passages:
        for at in by_passage.get(hash(passage), ()):
            shared.setdefault(at, []).append(passage)
    for at, common in shared.items():
        yield OverlapPair(problem, tests[at], len(common) / len(passages), " ".join(common[0]))


def _iter_statements(db: Session, project_id: int, *, is_test: bool) -> Iterator[Statement]:
    query = SELECT_STATEMENTS.execution_options(yield_per=2_000)
    for row in db.execute(query, {"project_id": project_id, "is_test": is_test}):
        yield Statement(row.id, row.external_id, row.statement, row.split)
