"""What somebody asks to be simulated, checked where it comes in: the form, the API, the command line."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.core.config_file import parse_config
from app.core.errors import Invalid
from app.simulation import policies
from app.simulation.config import Setting
from app.simulation.policies import DEFAULT_POLICIES, POLICIES
from app.simulation.sizes import SIZES
from app.world.kinds import WORLDS

MOST_SEEDS = 50
IN_VAIN = 300
"""Draws without a new problem after which a world is held to have no more."""


@dataclass(frozen=True)
class Asked:
    setting: Setting
    """With the first of the seeds."""
    policies: tuple[str, ...]
    seeds: tuple[int, ...]

    def settings(self) -> list[Setting]:
        """One for each seed."""
        return [self.setting.replace(seed=seed) for seed in self.seeds]


class SimulationForm(BaseModel):
    """The fields as text, so that a wrong form is shown again as it was sent."""

    world: str = "chains"
    size: str = "quick"
    policies: list[str] = list(DEFAULT_POLICIES)
    seeds: str = "1"
    noise: str = "0"
    wrong_references: str = "0"

    def asked(self) -> Asked:
        """`seeds` says how many; noise and wrong references are in per cent."""
        count = _number(self.seeds, "How many seeds", 1, MOST_SEEDS)
        knobs = {
            "noise": _number(self.noise, "Labels that are wrong", 0, 100) / 100,
            "wrong_references": _number(self.wrong_references, "References that are wrong", 0, 100) / 100,
        }
        seeds = list(range(int(count)))
        return parse(
            {
                "size": self.size,
                "setting": {"world": self.world, **knobs},
                "policies": self.policies,
                "seeds": seeds,
            }
        )


def parse(given: Any) -> Asked:
    """`size`, `setting` (over the size's), `policies`, `seeds`; every key may be left out."""
    if not isinstance(given, dict):
        raise Invalid("What to simulate must be a JSON object.")
    if unknown := sorted(set(given) - {"size", "setting", "policies", "seeds"}):
        raise Invalid(
            f"Unknown: {unknown[0][:50]!r}.", remedy="There are: size, setting, policies and seeds."
        )
    size, setting = given.get("size", "small"), given.get("setting", {})
    if not isinstance(size, str) or size not in SIZES:
        raise Invalid(f"A simulation's size is one of {', '.join(SIZES)}.")
    if not isinstance(setting, dict):
        raise Invalid('"setting" must be a JSON object.', remedy='Write it like {"world": "lineage"}.')
    if "seed" in setting:
        raise Invalid("The seed has a place of its own.", remedy='Write "seeds": [0, 1] beside "setting".')
    policies, seeds = (
        _policies(given.get("policies", list(DEFAULT_POLICIES))),
        _seeds(given.get("seeds", [0])),
    )
    return Asked(sized(SIZES[size], {**setting, "seed": seeds[0]}), policies, seeds)


def sized(size: Mapping[str, Any], given: Mapping[str, Any]) -> Setting:
    """A size, and what is said over it. Tests and pool that nobody gave a size are as large as the size
    says, or as the world has problems for."""
    found = _parsed({**size, **given})
    fits: dict[str, int] = {}
    if "shifted_problems" not in given:
        fits["shifted_problems"] = _room(found.world, found.shifted_problems, 0, shifted=True)
    if "pool_problems" not in given:
        fits["pool_problems"] = _room(found.world, found.pool_problems, found.test_problems)
    return setting_of({**size, **given, **fits})


def _room(world: str, wanted: int, beside: int, *, shifted: bool = False) -> int:
    """`wanted`, or nearly all there is beside others."""
    there = different(world, wanted + beside, shifted)
    return wanted if there == wanted + beside else int(0.95 * there) - beside


def setting_of(given: Mapping[str, Any]) -> Setting:
    return enough(_parsed(given))


def _parsed(given: Mapping[str, Any]) -> Setting:
    return parse_config(Setting, dict(given))


def enough(setting: Setting) -> Setting:
    """Whether the world has so many different problems, those of the tests beside those of the pool."""
    plain = setting.pool_problems + setting.test_problems
    for shifted, wanted in ((False, plain), (True, setting.shifted_problems)):
        there = different(setting.world, wanted, shifted)
        if there < wanted:
            raise Invalid(
                f"The world {setting.world} has only some {there:,} different problems"
                f"{', of the longer ones' if shifted else ''}; {wanted:,} are wanted.",
                remedy="Ask for fewer problems (pool, test and shifted), or take another world.",
            )
    return setting


def different(world: str, wanted: int, shifted: bool = False) -> int:
    """How many different problems there are, as far as `wanted`."""
    chance, seen, in_vain = random.Random(0), set[str](), 0  # noqa: S311 - the same answer every time
    while len(seen) < wanted and in_vain < IN_VAIN:
        statement = WORLDS[world].draw(chance, shifted=shifted).statement
        in_vain = in_vain + 1 if statement in seen else 0
        seen.add(statement)
    return len(seen)


def _policies(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        raise Invalid("Choose at least one policy.", remedy=f"Valid policies: {', '.join(POLICIES)}.")
    return policies.require_policies(given)


def _seeds(given: Any) -> tuple[int, ...]:
    if (
        not isinstance(given, list)
        or not 1 <= len(given) <= MOST_SEEDS
        or not all(type(each) is int and 0 <= each < 2**31 for each in given)
        or len(set(given)) < len(given)
    ):
        raise Invalid(f"Seeds are 1 to {MOST_SEEDS} different whole numbers from 0.")
    return tuple(given)


def _number(said: str, what: str, least: float, most: float) -> float:
    try:
        found = float(said or 0)
    except ValueError:
        found = -1.0
    if not least <= found <= most:
        raise Invalid(f"{what}: give a number between {least:g} and {most:g}.")
    return found
