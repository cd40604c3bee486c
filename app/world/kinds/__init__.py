"""Worlds that differ in kind, for a small language model to solve: chains of operations, who wins
against whom, who descends from whom, an order to learn. Each has laws of its own, worked solutions, and an
exact judge."""

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
