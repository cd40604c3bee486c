"""select_in_memory.py, done in the database: the same selections without reading the whole pool.

Scores are read in the order of a strategy along ix_score_model_id_log_score, in chunks that grow, and
the walk stops with the last place: 5,000 of 10,000,000 read some ten thousand rows. Problems that
reached their cap cost nothing more than their line in the index. A random sample draws ids by a
Shuffle, so it reads only what it draws. Strategies that go by step (select_by_step_sql.py) read the
walk a bounded part at a time.

Never selected: test problems, solutions without a verdict or with an unparseable answer, and solutions
that already have a task or whose duplicate (same problem, same steps) has one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from app.selection import score_orders, select_by_step_sql
from app.selection.config import Policy
from app.selection.score_orders import ScoredSolution, ScoreRow
from app.selection.select_in_memory import Selection, SelectionState, apportion, fill_places
from app.selection.shuffle import Shuffle
from app.selection.strategies import STRATEGIES, Strategy

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
WALK_DOWN = text(WALK.format(after=">", further="<", scores="DESC", ids="ASC"))
WALK_UP = text(WALK.format(after="<", further=">", scores="ASC", ids="DESC"))
"""The same index, backwards."""
WALKS = {score_orders.DOWN: WALK_DOWN, score_orders.UP: WALK_UP}
SELECT_FACTS = text(
    """SELECT s.id, coalesce(s.text_key, s.digest) AS text_key, s.verdict FROM solution s
       JOIN problem p ON p.id = s.problem_id
       WHERE s.id = ANY(:ids) AND s.project_id = :project_id
         AND s.verdict = ANY(:verdicts) AND p.split = ANY(:splits) AND p.split <> 'test'
         AND NOT EXISTS (SELECT FROM solution duplicate JOIN task t ON t.solution_id = duplicate.id
                         WHERE duplicate.problem_id = s.problem_id
                           AND coalesce(duplicate.text_key, duplicate.digest)
                               = coalesce(s.text_key, s.digest))"""
)
SELECT_SCORES = text(
    """SELECT log_score, solution_id, problem_id FROM score
       WHERE model_id = :model_id AND solution_id = ANY(:ids)"""
)
SELECT_ID_RANGE = text("SELECT min(solution_id), max(solution_id) FROM score WHERE model_id = :model_id")
COUNT_SCORES = text(
    "SELECT count(*) FROM (SELECT FROM score WHERE model_id = :model_id LIMIT :enough) AS counted"
)
SORT = """SELECT log_score, solution_id, problem_id FROM score
          WHERE model_id = :model_id ORDER BY {} DESC, solution_id"""


def select_solutions(db: Session, project_id: int, model_id: int, policy: Policy) -> list[Selection]:
    """The selections of select_in_memory.py among all solutions scored by `model_id`. Changes nothing."""
    state = SelectionState(policy.per_problem, model_id)
    left_over = 0
    for name, places in apportion(policy.size, policy.shares).items():
        strategy, open_places = STRATEGIES[name], places + left_over
        by_step = strategy.step_measure is not None
        # By step, the first of each step is decided by what was open before this strategy began.
        view = deepcopy(state) if by_step else state
        scores = DatabaseScores(db, model_id, view, policy.seed)
        eligible = EligibleRows(db, project_id, view, strategy, policy.splits)
        rows = strategy.order.read(scores)
        if by_step:
            ranked = select_by_step_sql.iter_by_step(db, model_id, strategy, open_places, rows, eligible)
        else:
            ranked = eligible(rows)
        left_over = fill_places(state, strategy, open_places, ranked)
    return state.selections


@dataclass(frozen=True)
class DatabaseScores:
    """score_orders.ScoreReader over the score table, without problems that reached their cap."""

    db: Session
    model_id: int
    state: SelectionState
    seed: int

    def walk(self, start: float, directions: Sequence[str]) -> Iterator[list[ScoreRow]]:
        sides = [self._walk_index(WALKS[direction], start) for direction in directions]
        if len(sides) == 1:
            return sides[0]
        merged = heapq.merge(
            *(chain.from_iterable(side) for side in sides),
            key=lambda row: score_orders.distance(row[0], start),
        )
        return _in_chunks(merged)

    def _walk_index(self, statement: TextClause, start: float) -> Iterator[list[ScoreRow]]:
        last: dict[str, Any] = {"log_score": start, "solution_id": -1}
        chunk = FIRST_CHUNK
        while True:
            full = self.state.full_problems()
            params = {"model_id": self.model_id, "chunk": chunk, "full": full, **last}
            rows = self.db.execute(statement, params).all()
            if rows:
                yield [tuple(row) for row in rows]
            if len(rows) < chunk:
                return
            last = {"log_score": rows[-1][0], "solution_id": rows[-1][1]}
            chunk = min(chunk * 2, LAST_CHUNK)

    def shuffle(self) -> Iterator[list[ScoreRow]]:
        """Where the ids lie close together they are drawn one by one; where most of the range is
        other projects' rows, the ids are read and sorted into the same order."""
        model = {"model_id": self.model_id}
        first, last = self.db.execute(SELECT_ID_RANGE, model).one()
        if first is None or last is None:
            return
        shuffle = Shuffle(first, last, self.seed)
        enough = shuffle.count // SPARSE + 1
        if self.db.execute(COUNT_SCORES, {**model, "enough": enough}).scalar_one() < enough:
            ids = self.db.scalars(text("SELECT solution_id FROM score WHERE model_id = :model_id"), model)
            drawn: Iterator[int] = iter(sorted(ids, key=shuffle.place))
        else:
            drawn = (shuffle.at(position) for position in range(shuffle.count))
        while chunk := list(islice(drawn, FACTS)):
            rows = self.db.execute(SELECT_SCORES, {**model, "ids": chunk}).all()
            by_id: dict[int, ScoreRow] = {row[1]: tuple(row) for row in rows}
            yield [by_id[number] for number in chunk if number in by_id]

    def sort(self, sql: str) -> Iterator[list[ScoreRow]]:
        statement, params = text(SORT.format(sql)), {"model_id": self.model_id}
        rows = self.db.execute(statement, params, execution_options={"yield_per": FACTS})
        return ([tuple(row) for row in chunk] for chunk in rows.partitions())


def _in_chunks(rows: Iterator[ScoreRow]) -> Iterator[list[ScoreRow]]:
    while chunk := list(islice(rows, FACTS)):
        yield chunk


@dataclass(frozen=True)
class EligibleRows:
    """Of rows of the score table, those that may be selected, in the order they come. Only rows whose
    problem is still open are looked up; fill_places reads along, so the state is current between
    batches."""

    db: Session
    project_id: int
    state: SelectionState
    strategy: Strategy
    splits: Sequence[str]

    def __call__(self, chunks: Iterable[list[ScoreRow]]) -> Iterator[ScoredSolution]:
        for rows in chunks:
            for start in range(0, len(rows), FACTS):
                batch = [row for row in rows[start : start + FACTS] if self.state.is_open(row[1], row[2])]
                facts = self._facts([row[1] for row in batch])
                for log_score, solution_id, problem_id in batch:
                    if solution_id in facts:
                        digest, verdict = facts[solution_id]
                        yield ScoredSolution(solution_id, problem_id, digest, verdict, log_score)

    def _facts(self, ids: list[int]) -> dict[int, tuple[bytes, str]]:
        """Key of the text and verdict of the solutions that no other rule excludes."""
        if not ids:
            return {}
        params = {
            "ids": ids,
            "project_id": self.project_id,
            "verdicts": list(self.strategy.verdicts),
            "splits": list(self.splits),
        }
        rows = self.db.execute(SELECT_FACTS, params)
        return {number: (bytes(digest), verdict) for number, digest, verdict in rows}
