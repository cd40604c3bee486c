"""The strategies that go by step, in the database: select_in_memory.rank_by_step without the whole pool.

The step a solution would be labeled for is in its step probabilities, which no index covers. So the
strategy's walk along the scores is cut into parts, each PART_FACTOR times as long as the open places
and at least MIN_PART rows. Step probabilities are read for one part at a time, and solutions and step
texts only as far down the part's order as places are open. The next part is read if places are left. A
pool no larger than one part gives exactly the selections of the rule over everything.

In a larger pool they can differ. convincing_wrong_by_step comes to the second solution of a step when
every step of the part has had its first; the rule over everything would look for further steps first.
This costs little, as scores fall all the way. uncertain_step misses uncertainty far from even odds.
Above them there is none: each step of a solution with score s by the product has p(correct) >= s, so
its uncertainty is at most s (1 - s). Below there is: an uncertain step may come before one that is
probably an error, which makes the score small. Such steps are passed over for steps of solutions nearer
to even odds, of which a pool this large has many. In a simulated pool of 1,377 different solutions, a
part of five times the places gave 45 and 47 of the rule's 50 selections, and 104 and 116 of its 120."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.scoring.heat_strips import load_score_options
from app.selection.score_orders import ScoredSolution, ScoreRow
from app.selection.step_uncertainty import alternate_steps, step_correctness
from app.selection.strategies import Strategy
from app.training.models import Model

PART_FACTOR, MIN_PART = 10, 5_000
BATCH = 2_000
SELECT_STEP_PROBS = text(
    """SELECT solution_id, step_probs FROM score
       WHERE model_id = :model_id AND solution_id = ANY(:ids) AND step_probs <> '{}'"""
)
SELECT_STEP_TEXTS = text(
    """SELECT s.id, s.steps[placed.position + 1] FROM solution s
       JOIN unnest(CAST(:ids AS bigint[]), CAST(:positions AS int[])) AS placed(id, position)
         ON placed.id = s.id"""
)
T = TypeVar("T")
Eligible = Callable[[Iterable[list[ScoreRow]]], Iterator[ScoredSolution]]
"""Of rows, those that may be selected, in the same order."""


def iter_by_step(
    db: Session,
    model_id: int,
    strategy: Strategy,
    places: int,
    chunks: Iterator[list[ScoreRow]],
    eligible: Eligible,
) -> Iterator[ScoredSolution]:
    """The candidates of the walk in the order of the strategy, each with its step."""
    neutral, _ = load_score_options(db, db.get_one(Model, model_id))
    rows = chain.from_iterable(chunks)
    part = max(MIN_PART, PART_FACTOR * places)
    while (first := next(rows, None)) is not None:
        measured = _with_correctness(db, model_id, chain([first], islice(rows, part - 1)), neutral)
        yield from alternate_steps(_with_texts(db, strategy.place_steps(measured), eligible))


def _with_correctness(
    db: Session, model_id: int, rows: Iterable[ScoreRow], neutral: bool
) -> Iterator[tuple[ScoreRow, int, Sequence[float]]]:
    for batch in _batches(rows):
        params = {"model_id": model_id, "ids": [solution_id for _, solution_id, _ in batch]}
        probs: dict[int, list[float]] = {
            row[0]: row[1] for row in db.execute(SELECT_STEP_PROBS, params).all()
        }
        for row in batch:
            if row[1] in probs:
                yield row, row[1], step_correctness(probs[row[1]], neutral)


def _with_texts(
    db: Session, placed: Iterable[tuple[ScoreRow, int]], eligible: Eligible
) -> Iterator[tuple[ScoredSolution, str]]:
    for batch in _batches(placed):
        positions = {row[1]: position for row, position in batch}
        candidates = [
            replace(candidate, position=positions[candidate.solution_id])
            for candidate in eligible([[row for row, _ in batch]])
        ]
        params = {
            "ids": [candidate.solution_id for candidate in candidates],
            "positions": [candidate.position for candidate in candidates],
        }
        texts = {row[0]: row[1] for row in db.execute(SELECT_STEP_TEXTS, params).all()}
        for candidate in candidates:
            if texts.get(candidate.solution_id) is not None:
                yield candidate, texts[candidate.solution_id]


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
