"""The world as files for the importer: Stepmark JSON Lines.

Two for a project: the solutions that every policy begins with, which are queued while nothing else is
there; then the rest of the pool, the validation problems and the test problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from app.simulation import policy_ranking
from app.simulation.config import Setting
from app.simulation.datasets import Material, Sampled
from app.simulation.policies import BASELINE
from app.simulation.policy_run import Pool
from app.world.kinds.base import PosedProblem, final_answer

FIRST, REST = "first.jsonl", "rest.jsonl"
GENERATOR = "the writer"


def made(setting: Setting, material: Material, folder: Path) -> None:
    """Both files, unless they are there."""
    if (folder / REST).is_file():
        return
    begun = first_draw(setting, material)
    pool, tests = material.pool, material.tests["plain"]
    queueable = len(pool) - setting.validation_problems
    first = [
        line
        for number, one in enumerate(pool)
        if (places := [place for problem, place in begun if problem == number])
        for line in lines("pool", number, one, "train", places)
    ]
    rest = [
        line
        for number, one in enumerate(pool)
        for line in lines(
            "pool",
            number,
            one,
            "train" if number < queueable else "validation",
            [place for place in range(len(one.samples)) if (number, place) not in begun],
        )
    ]
    rest += [
        line
        for number, one in enumerate(tests)
        for line in lines("plain", number, one, "test", range(len(one.samples)))
    ]
    for name, content in ((FIRST, first), (REST, rest)):
        draft = folder / f".{name}.draft"
        draft.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in content))
        draft.replace(folder / name)


def first_draw(setting: Setting, material: Material) -> set[tuple[int, int]]:
    """(problem, sample) of the solutions that the fast form begins with too."""
    pool = Pool(setting, material.pool)
    drawn = policy_ranking.select(
        BASELINE, pool.candidates(None)[0], setting.first, 1, setting.seed, {}, pool.texts
    )
    places = [
        (number, place) for number, one in enumerate(material.pool) for place in range(len(one.samples))
    ]
    return {places[each] for each in drawn}


def lines(
    source: str, number: int, one: Sampled, split: str, places: Sequence[int]
) -> Iterator[dict[str, Any]]:
    problem = name_of(source, number)
    yield {
        "kind": "problem", "id": problem, "statement": one.posed.statement, "answer": one.reference,
        "split": split, "source": source,
    }  # fmt: skip
    for place in places:
        if steps := one.samples[place]:
            yield {
                "kind": "solution", "id": f"{problem}-{place}", "problem": problem, "generator": GENERATOR,
                "steps": list(steps), "answer": final_answer(steps),
            }  # fmt: skip


def name_of(source: str, number: int) -> str:
    return f"{source}-{number}"


def known(material: Material) -> dict[str, PosedProblem]:
    """Problems of the pool by statement: what a labeler judges with, false references or not."""
    return {one.posed.statement: one.posed for one in material.pool}
