"""What the small language model reads before it writes: worked solutions with a mark at every step, as
real corpora hold them (a marked exam). Some hold a false step, and end there. How a true step is
written is learned, and the marks; not how a false step is written, so that the model's mistakes stay
its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from app.world.kinds.kind import Posed, World


@dataclass(frozen=True)
class Line:
    """The first `true` steps are right; the one after them, if there is one, is not."""

    statement: str
    steps: tuple[str, ...]
    true: int


def corpus(world: World, chance: random.Random, checked: float) -> Iterator[Line]:
    """Without end; a share of `checked` hold a false step."""
    while True:
        posed = world.draw(chance, common=True)
        steps = world.solve(posed, chance)
        if chance.random() >= checked:
            yield Line(posed.statement, tuple(steps), len(steps))
        else:
            place = chance.randrange(len(steps))
            yield Line(posed.statement, (*steps[:place], _false(world, posed, steps, place, chance)), place)


def _false(world: World, posed: Posed, steps: list[str], place: int, chance: random.Random) -> str:
    """Spoiled; or, now and then, a step that comes too early, as where one is left out."""
    later = [step for step in steps[place + 1 :] if world.judge(posed, [*steps[:place], step])[-1] < 0]
    if later and chance.random() < 0.25:
        return later[0] if chance.random() < 0.7 else later[-1]
    return world.spoil(posed, steps, place, chance)
