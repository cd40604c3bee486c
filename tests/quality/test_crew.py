"""A scripted crew over solutions whose first error is known: careful, hasty, biased and random."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from app.labeling import queue
from app.labeling.known import Standing
from app.quality import gold, reading
from tests import factories
from tests.quality.test_known import NOW, judge, solution, truth

MISSES = {"careful": 0.05, "hasty": 0.25, "biased": 0.6, "random": 0.8}
"""How often each looks badly, by quota, not by luck. The biased one then sees no error at all."""


def says(who: str, right: int, turn: int) -> int:
    if int((turn + 1) * MISSES[who]) == int(turn * MISSES[who]):
        return right
    return -1 if who == "biased" else (right + 2) % 4 - 1


def test_screening_rejects_the_random_one_and_gold_ranks_the_rest(db: Session) -> None:
    project = factories.project(db, screening_mark=0.4, gold_rate=0.5)
    for number in range(72):
        solution(db, project, number % 4 - 1)
    gold.make(db, project, None, "screening", 12)
    gold.make(db, project, None, "gold", 60)
    for _ in range(80):
        factories.task(db, solution(db, project), overlap=4)
    crew = {who: factories.member(db, project) for who in MISSES}
    for who, user in crew.items():
        turns: Counter[str] = Counter()
        while turns.total() < 70 and (held := queue.claim(db, project, user, NOW)):
            right = -1 if held.task.kind == "regular" else truth(db, held)
            judge(db, project, held, says(who, right, turns[held.task.kind]))
            turns[held.task.kind] += 1
    standing = {who: db.get(Standing, (project.id, user.id)).screened for who, user in crew.items()}
    assert standing == {"careful": "passed", "hasty": "passed", "biased": "passed", "random": "failed"}
    rows = {row.id: row for row in reading.labelers(db, project.id)}
    found = {
        who: rows[user.id].gold_right / rows[user.id].gold for who, user in crew.items() if who != "random"
    }
    assert found["careful"] > found["hasty"] > found["biased"]
    assert rows[crew["random"].id].gold == 0, "never let near regular work"
