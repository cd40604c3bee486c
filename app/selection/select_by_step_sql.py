"""The strategies that go by steps, in the database: strategy.by_step without reading the pool.

Which step a solution would be labeled for is in its step probabilities, which no index knows. So of the
walk that choose.py offers (by score, or for uncertain_step outwards from even odds) a part is taken at
a time, TIMES as long as the places wanted and at least LEAST: only of these scores the step probabilities
are read, and only as far down their order as places are left, the solutions and the text of the one
step. The next part is taken if the first did not fill the places. A pool no larger than the part gets
exactly the picks of the rule over everything.

In a larger one they can differ. convincing_wrong_by_step comes to the second solution of a step when
every step of the part has had its first, and the rule would look on for further steps; it gives up
little, as scores fall all the way. uncertain_step misses doubt far from even odds. Above them there is
none: every step of a solution that scores s by the product is right with at least s, so that its doubt is
at most s (1 - s). Below there is: a step may be uncertain though a later one is held for wrong, which
makes the score small. A labeler would get to that step all the same; it is passed over for steps in
solutions nearer to even odds, of which a pool this large has many. Of a simulated pool of 1,377 different
solutions a part of five times the places gave 45 and 47 of the rule's 50 picks, 104 and 116 of its 120."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.scoring.heat_strips import load_score_options
from app.selection import step_uncertainty
from app.selection.strategies import ScoredSolution, placed
from app.training.models import Model

TIMES, LEAST = 10, 5_000
AT_ONCE = 2_000
PROBS_OF = text(
    """SELECT solution_id, step_probs FROM score
       WHERE model_id = :model_id AND solution_id = ANY(:ids) AND step_probs <> '{}'"""
)
TEXTS_OF = text(
    """SELECT s.id, s.steps[wanted.position + 1] FROM solution s
       JOIN unnest(CAST(:ids AS bigint[]), CAST(:positions AS int[])) AS wanted(id, position)
         ON wanted.id = s.id"""
)
T = TypeVar("T")
ScoreRow = tuple[float, int, int]
"""Log score, solution id, problem id."""
Eligible = Callable[[Iterable[list[ScoreRow]]], Iterator[ScoredSolution]]
"""Of rows, those that may be taken, in the same order."""


def iter_by_step(
    db: Session,
    model_id: int,
    strategy: str,
    places: int,
    chunks: Iterator[list[ScoreRow]],
    eligible: Eligible,
) -> Iterator[ScoredSolution]:
    """The candidates of the walk in the order of the strategy, each with its step."""
    neutral, _ = load_score_options(db, db.get_one(Model, model_id))
    rows = chain.from_iterable(chunks)
    part = max(LEAST, TIMES * places)
    while (first := next(rows, None)) is not None:
        known = _with_right(db, model_id, chain([first], islice(rows, part - 1)), neutral)
        yield from step_uncertainty.alternate_steps(_with_texts(db, placed(strategy, known), eligible))


def _with_right(
    db: Session, model_id: int, rows: Iterable[ScoreRow], neutral: bool
) -> Iterator[tuple[ScoreRow, int, Sequence[float]]]:
    for some in _batches(rows):
        asked = {"model_id": model_id, "ids": [solution_id for _, solution_id, _ in some]}
        probs: dict[int, list[float]] = {row[0]: row[1] for row in db.execute(PROBS_OF, asked).all()}
        for row in some:
            if row[1] in probs:
                yield row, row[1], step_uncertainty.step_correctness(probs[row[1]], neutral)


def _with_texts(
    db: Session, found: Iterable[tuple[ScoreRow, int]], eligible: Eligible
) -> Iterator[tuple[ScoredSolution, str]]:
    for some in _batches(found):
        at = {row[1]: position for row, position in some}
        those = [replace(one, position=at[one.solution_id]) for one in eligible([[row for row, _ in some]])]
        asked = {
            "ids": [one.solution_id for one in those],
            "positions": [one.position for one in those],
        }
        said = {row[0]: row[1] for row in db.execute(TEXTS_OF, asked).all()}
        for one in those:
            if said.get(one.solution_id) is not None:
                yield one, said[one.solution_id]


def _batches(of: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(of)
    while some := list(islice(rest, AT_ONCE)):
        yield some
