"""strategy.choose, done in the database: the same picks without reading the pool.

Scores are walked in score order along ix_score_model_id_log_score, in chunks that grow,
and the walk stops with the last place: 5,000 of 10,000,000 touch some ten thousand rows.
Problems that reached their cap cost nothing more than their line in the index. The control
arm draws ids by a Shuffle, so it reads only what it draws.

Never candidates: test problems, solutions without a verdict or with an unparseable answer,
and solutions that already have a task, or whose twin (same problem, same steps) has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.selection.config import Policy
from app.selection.strategy import Book, Candidate, Pick, Shuffle, fill, seats

FIRST_CHUNK, LAST_CHUNK = 2_000, 50_000
FACTS = 2_000
"""Solutions looked up at a time: their rows are wide, so a chunk of scores is cut up further."""

SPARSE = 20
"""One row in this many of the id range, or fewer, is a sparse pool."""

NEXT = text(
    """SELECT * FROM (
         (SELECT log_score, solution_id, problem_id FROM score
          WHERE model_id = :model_id AND log_score = CAST(:log_score AS real)
            AND solution_id > :solution_id AND problem_id <> ALL(:full)
          ORDER BY solution_id LIMIT :chunk)
         UNION ALL
         (SELECT log_score, solution_id, problem_id FROM score
          WHERE model_id = :model_id AND log_score < CAST(:log_score AS real)
            AND problem_id <> ALL(:full)
          ORDER BY log_score DESC, solution_id LIMIT :chunk)
       ) walked ORDER BY log_score DESC, solution_id LIMIT :chunk"""
)
"""In two parts, so that a pool of equal scores is not read again for every chunk."""
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
Row = tuple[float, int, int]


def choose(db: Session, project_id: int, model_id: int, policy: Policy) -> list[Pick]:
    """The picks of strategy.choose over everything `model_id` scored. Reads only."""
    book = Book(policy.per_problem, model_id)
    left_over = 0
    for name, places in seats(policy.size, policy.shares).items():
        wanted = places + left_over
        verdicts = ["wrong"] if name == "convincing_wrong" else ["right", "wrong"]
        rows = _drawn(db, model_id, policy.seed) if name == "uniform" else _by_score(db, model_id, book)
        left_over = fill(book, name, wanted, _candidates(db, project_id, book, rows, verdicts, policy))
    return book.picks


def _by_score(db: Session, model_id: int, book: Book) -> Iterator[list[Row]]:
    """Scores of problems that are still open, most convincing first, a chunk at a time."""
    last: dict[str, Any] = {"log_score": float("inf"), "solution_id": -1}
    chunk = FIRST_CHUNK
    while True:
        asked = {"model_id": model_id, "chunk": chunk, "full": book.full(), **last}
        rows = db.execute(NEXT, asked).all()
        if rows:
            yield list(rows)
        if len(rows) < chunk:
            return
        last = {"log_score": rows[-1][0], "solution_id": rows[-1][1]}
        chunk = min(chunk * 2, LAST_CHUNK)


def _drawn(db: Session, model_id: int, seed: int) -> Iterator[list[Row]]:
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
    while True:
        ids_now = [number for _, number in zip(range(FACTS), drawn, strict=False)]
        if not ids_now:
            return
        found = {row[1]: row for row in db.execute(SCORES_OF, {"model_id": model_id, "ids": ids_now})}
        yield [found[number] for number in ids_now if number in found]


def _candidates(
    db: Session,
    project_id: int,
    book: Book,
    chunks: Iterator[list[Row]],
    verdicts: list[str],
    policy: Policy,
) -> Iterator[Candidate]:
    """The rows that may be taken, in the order given. Only those whose problem is still
    open are looked up; fill() reads along, so the book is up to date between batches."""
    for rows in chunks:
        for start in range(0, len(rows), FACTS):
            batch = [row for row in rows[start : start + FACTS] if book.open_to(row[1], row[2])]
            if not batch:
                continue
            facts = {
                row[0]: row
                for row in db.execute(
                    FACTS_OF,
                    {
                        "ids": [row[1] for row in batch],
                        "project_id": project_id,
                        "verdicts": verdicts,
                        "splits": list(policy.splits),
                    },
                )
            }
            for log_score, solution_id, problem_id in batch:
                if solution_id in facts:
                    _, digest, verdict = facts[solution_id]
                    yield Candidate(solution_id, problem_id, bytes(digest), verdict, log_score)
