"""The strategies that go by steps, in the database: strategy.by_step without reading the pool.

Which step a solution would be labeled for is in its step probabilities, which no index knows. So of the
walk that choose.py offers (by score, or for uncertain_step outwards from even odds) a part is read at
a time, TIMES as long as the places wanted and at least LEAST: of these solutions alone the step
probabilities are read, and the text of the one step. The next part is read only if the first did not
fill the places. A pool no larger than the part gets exactly the picks of the rule over everything.

In a larger one they can differ. convincing_wrong_by_step comes to the second solution of a step when
every step of the part has had its first, and the rule would look on for further steps; it gives up
little, as scores fall all the way. uncertain_step misses doubt far from even odds. Above them there is
none: every step of a solution that scores s by the product is right with at least s, so that its doubt is
at most s (1 - s). Below there is: a step may be uncertain though a later one is held for wrong, which
makes the score small. A labeler would get to that step all the same; it is passed over
for steps as uncertain in solutions nearer to even odds, of which a pool this large has many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.scoring.strips import config_of
from app.selection import doubt
from app.selection.strategy import Candidate, placed
from app.training.models import Model

TIMES, LEAST = 20, 5_000
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


def in_turn(
    db: Session, model_id: int, strategy: str, places: int, candidates: Iterator[Candidate]
) -> Iterator[Candidate]:
    """The candidates of the walk in the order of the strategy, each with its step."""
    neutral, _ = config_of(db, db.get_one(Model, model_id))
    part = max(LEAST, TIMES * places)
    while (first := next(candidates, None)) is not None:
        walked = chain([first], islice(candidates, part - 1))
        known = _with_right(db, model_id, walked, neutral)
        yield from doubt.in_turn(_with_texts(db, placed(strategy, known)))


def _with_right(
    db: Session, model_id: int, candidates: Iterable[Candidate], neutral: bool
) -> Iterator[tuple[Candidate, Sequence[float]]]:
    for some in _batches(candidates):
        asked = {"model_id": model_id, "ids": [one.solution_id for one in some]}
        probs = {row[0]: row[1] for row in db.execute(PROBS_OF, asked)}
        for one in some:
            if one.solution_id in probs:
                yield one, doubt.right_of(probs[one.solution_id], neutral)


def _with_texts(db: Session, candidates: Iterable[tuple[Candidate, int]]) -> Iterator[tuple[Candidate, str]]:
    for some in _batches(candidates):
        asked = {"ids": [one.solution_id for one, _ in some], "positions": [at for _, at in some]}
        said = {row[0]: row[1] for row in db.execute(TEXTS_OF, asked)}
        for one, _ in some:
            if said.get(one.solution_id) is not None:
                yield one, said[one.solution_id]


def _batches(of: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(of)
    while some := list(islice(rest, AT_ONCE)):
        yield some
