"""Different worlds for a small language model: chains of operations, knockout matches, lines of descent, an
unknown order. Each has rules of its own, worked solutions and exact ratings."""

from __future__ import annotations

from app.world.kinds.base import World
from app.world.kinds.chains import Chains
from app.world.kinds.knockout import Knockout
from app.world.kinds.lineage import Lineage
from app.world.kinds.ordering import Ordering

WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        Chains(),
        Knockout(),
        Knockout("misprints", teams=36, times=30.0, errs=True),
        Lineage(),
        Ordering(),
    )
}
