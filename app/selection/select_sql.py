"""strategy.choose, done in the database: the same picks without reading the pool.

Scores are walked in score order along ix_score_model_id_log_score, in chunks that grow,
and the walk stops with the last place: 5,000 of 10,000,000 touch some ten thousand rows.
Problems that reached their cap cost nothing more than their line in the index. The control
arm draws ids by a Shuffle, so it reads only what it draws. The strategies that go by steps
(stepwise.py) read the walk a bounded part at a time; uncertain_step walks from even odds
outwards, both ways at once.

Never candidates: test problems, solutions without a verdict or with an unparseable answer,
and solutions that already have a task, or whose twin (same problem, same steps) has one."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from app.selection import select_by_step_sql
from app.selection.config import Policy
from app.selection.select_by_step_sql import ScoreRow
from app.selection.shuffle import Shuffle
from app.selection.step_uncertainty import MEASURES
from app.selection.strategies import (
    ScoredSolution,
    Selection,
    SelectionState,
    apportion,
    fill_places,
    verdicts,
)

FIRST_CHUNK, LAST_CHUNK = 2_000, 50_000
FACTS = 2_000
"""Solutions looked up at a time: their rows are wide, so a chunk of scores is cut up further."""

SPARSE = 20
"""One row in this many of the id range, or fewer, is a sparse pool."""

WALK = """SELECT * FROM (
         (SELECT log_score, solution_id, problem_id FROM score
          WHERE model_id = :model_id AND log_score = CAST(:log_score AS real)
            AND solution_id {after} :solution_id AND problem_id <> ALL(:full)
          ORDER BY solution_id {ids} LIMIT :chunk)
         UNION ALL
         (SELECT log_score, solution_id, problem_id FROM score
          WHERE model_id = :model_id AND log_score {further} CAST(:log_score AS real)
            AND problem_id <> ALL(:full)
          ORDER BY log_score {scores}, solution_id {ids} LIMIT :chunk)
       ) walked ORDER BY log_score {scores}, solution_id {ids} LIMIT :chunk"""
"""In two parts, so that a pool of equal scores is not read again for every chunk."""
DOWN = text(WALK.format(after=">", further="<", scores="DESC", ids="ASC"))
UP = text(WALK.format(after="<", further=">", scores="ASC", ids="DESC"))
"""The same index, backwards."""
FACTS_OF = text(
    """SELECT s.id, s.digest, s.verdict FROM solution s
       JOIN problem p ON p.id = s.problem_id
       WHERE s.id = ANY(:ids) AND s.project_id = :project_id
         AND s.verdict = ANY(:verdicts) AND p.split = ANY(:splits) AND p.split <> 'test'
         AND NOT EXISTS (SELECT FROM solution twin JOIN task t ON t.solution_id = twin.id
                         WHERE twin.problem_id = s.problem_id AND twin.digest = s.digest)"""
)
SCORES_OF = text(
    """SELECT log_score, solution_id, problem_id FROM score
       WHERE model_id = :model_id AND solution_id = ANY(:ids)"""
)
ENDS = text("SELECT min(solution_id), max(solution_id) FROM score WHERE model_id = :model_id")
FEW = text("""SELECT count(*) FROM (SELECT FROM score WHERE model_id = :model_id LIMIT :enough) counted""")


def select_solutions(db: Session, project_id: int, model_id: int, policy: Policy) -> list[Selection]:
    """The picks of strategy.choose over everything `model_id` scored. Reads only."""
    book = SelectionState(policy.per_problem, model_id)
    left_over = 0
    for name, places in apportion(policy.size, policy.shares).items():
        wanted = places + left_over
        standing = deepcopy(book) if name in MEASURES else book  # what counts as a first of its step is fixed
        rows = _rows(db, model_id, name, standing, policy.seed)
        eligible = partial(_candidates, db, project_id, standing, name, policy)
        if name in MEASURES:
            there = select_by_step_sql.iter_by_step(db, model_id, name, wanted, rows, eligible)
        else:
            there = eligible(rows)
        left_over = fill_places(book, name, wanted, there)
    return book.selections


def _rows(
    db: Session, model_id: int, strategy: str, book: SelectionState, seed: int
) -> Iterator[list[ScoreRow]]:
    if strategy == "uniform":
        return _drawn(db, model_id, seed)
    if strategy == "uncertain_step":
        return _around(db, model_id, book)
    if strategy == "doubted_right":
        return _by_score(db, model_id, book, UP, -math.inf)
    return _by_score(db, model_id, book)


def _around(db: Session, model_id: int, book: SelectionState) -> Iterator[list[ScoreRow]]:
    """Scores nearest to even odds first, from both sides."""
    even = math.log(0.5)
    sides = [_by_score(db, model_id, book, way, even) for way in (DOWN, UP)]
    merged = heapq.merge(
        *((row for rows in side for row in rows) for side in sides),
        key=lambda row: abs(math.exp(row[0]) - 0.5),
    )
    while rows := list(islice(merged, FACTS)):
        yield rows


def _by_score(
    db: Session, model_id: int, book: SelectionState, way: TextClause = DOWN, start: float = math.inf
) -> Iterator[list[ScoreRow]]:
    """Scores of problems that are still open, most convincing first, a chunk at a time; or from `start`
    the other way."""
    last: dict[str, Any] = {"log_score": start, "solution_id": -1}
    chunk = FIRST_CHUNK
    while True:
        asked = {"model_id": model_id, "chunk": chunk, "full": book.full_problems(), **last}
        rows = db.execute(way, asked).all()
        if rows:
            yield list(rows)
        if len(rows) < chunk:
            return
        last = {"log_score": rows[-1][0], "solution_id": rows[-1][1]}
        chunk = min(chunk * 2, LAST_CHUNK)


def _drawn(db: Session, model_id: int, seed: int) -> Iterator[list[ScoreRow]]:
    """All scores of the model in an order that does not look at them. Where the ids lie
    close together they are drawn one by one; where most of the range is other projects'
    rows, the ids are read and sorted into the same order."""
    first, last = db.execute(ENDS, {"model_id": model_id}).one()
    if first is None or last is None:
        return
    shuffle = Shuffle(first, last, seed)
    enough = shuffle.count // SPARSE + 1
    if db.execute(FEW, {"model_id": model_id, "enough": enough}).scalar_one() < enough:
        ids = db.scalars(
            text("SELECT solution_id FROM score WHERE model_id = :model_id"), {"model_id": model_id}
        )
        known = sorted(ids, key=shuffle.place)
        drawn: Iterator[int] = iter(known)
    else:
        drawn = (shuffle.at(position) for position in range(shuffle.count))
    while ids_now := list(islice(drawn, FACTS)):
        found = {row[1]: row for row in db.execute(SCORES_OF, {"model_id": model_id, "ids": ids_now}).all()}
        yield [found[number] for number in ids_now if number in found]


def _candidates(
    db: Session,
    project_id: int,
    book: SelectionState,
    strategy: str,
    policy: Policy,
    chunks: Iterable[list[ScoreRow]],
) -> Iterator[ScoredSolution]:
    """The rows that may be taken, in the order given. Only those whose problem is still
    open are looked up; fill() reads along, so the book is up to date between batches."""
    for rows in chunks:
        for start in range(0, len(rows), FACTS):
            batch = [row for row in rows[start : start + FACTS] if book.is_open(row[1], row[2])]
            if not batch:
                continue
            facts = {
                row[0]: row
                for row in db.execute(
                    FACTS_OF,
                    {
                        "ids": [row[1] for row in batch],
                        "project_id": project_id,
                        "verdicts": list(verdicts(strategy)),
                        "splits": list(policy.splits),
                    },
                ).all()
            }
            for log_score, solution_id, problem_id in batch:
                if solution_id in facts:
                    _, digest, verdict = facts[solution_id]
                    yield ScoredSolution(solution_id, problem_id, bytes(digest), verdict, log_score)
