"""What the small language model reads before it writes: worked solutions, and checked ones, as real
corpora hold both (an errata list, a marked exam). A checked line says of each step whether it is
right, up to the first that is not; nothing is learned of how a false step is written, so that the
model's mistakes stay its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from app.world.kinds.kind import Posed, World


@dataclass(frozen=True)
class Line:
    """Worked: `right` is None, every word of the steps is learned. Checked: the verdict on each step
    is learned, in place of what would come after it."""

    statement: str
    steps: tuple[str, ...]
    right: tuple[bool, ...] | None = None


def corpus(world: World, chance: random.Random, checked: float) -> Iterator[Line]:
    """Without end; a share of `checked` are checked lines, four in five of those hold a false step."""
    while True:
        posed = world.draw(chance, common=True)
        steps = world.solve(posed, chance)
        if chance.random() >= checked:
            yield Line(posed.statement, tuple(steps))
        elif chance.random() < 0.2:
            yield Line(posed.statement, tuple(steps), (True,) * len(steps))
        else:
            place = chance.randrange(len(steps))
            false = _false(world, posed, steps, place, chance)
            yield Line(posed.statement, (*steps[:place], false), (*(True,) * place, False))


def _false(world: World, posed: Posed, steps: list[str], place: int, chance: random.Random) -> str:
    """Spoiled; or, now and then, a step that comes too early, as where one is left out."""
    later = [step for step in steps[place + 1 :] if world.judge(posed, [*steps[:place], step])[-1] < 0]
    if later and chance.random() < 0.25:
        return later[0] if chance.random() < 0.7 else later[-1]
    return world.spoil(posed, steps, place, chance)
