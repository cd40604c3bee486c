"""A city that nobody draws: places with streets to the north, east, south and west, some of them
closed. A problem asks for the fewest moves from one place to another; a solution makes them one by
one, numbered, so that the count and the arrival can be read off its last line. There may be several
shortest ways; a detour is true and gets nobody on; a move through a wall is false, and may still end
with the right count. Some places are seldom visited."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from app.world.kinds.kind import ANSWER, SO, Posed, rare

TURNS = {"north": (0, -1), "east": (1, 0), "south": (0, 1), "west": (-1, 0)}
CLOSED = 0.25
"""Share of the streets of the grid that are closed, as long as every place can be reached."""


class Walks:
    name = "walks"

    def __init__(self, width: int = 6, height: int = 4, seed: int = 1, times: float = 20.0) -> None:
        chance = random.Random(f"walks {seed}")  # noqa: S311 - a repeatable world
        self.places = list("abcdefghijklmnopqrstuvwxyz"[: width * height])
        self.streets = self._city(width, height, chance)
        self.far = {goal: self._distances(goal) for goal in self.places}
        self.weights = rare(len(self.places), chance, times)
        counts = [str(number) for number in range(1, width * height)]
        self.words = (*self.places, *TURNS, "to", *counts, SO, ANSWER)

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> Posed:
        low, high = (7, 9) if shifted else (3, 6)
        while True:
            start, goal = chance.choices(self.places, self.weights if common else None, k=2)
            if low <= self.far[goal][start] <= high:
                return Posed(f"{start} to {goal}", str(self.far[goal][start]))

    def solve(self, posed: Posed, chance: random.Random) -> list[str]:
        here, goal = posed.statement.split(" to ")
        far = self.far[goal]
        steps: list[str] = []
        while here != goal:
            ways = list(self.streets[here].items())
            detour = chance.random() < 0.04
            turn, there = chance.choice([way for way in ways if (far[way[1]] < far[here]) != detour] or ways)
            steps.append(f"{len(steps) + 1} {here} {turn} {there}")
            here = there
        return [*steps, f"{ANSWER} {posed.answer}"]

    def judge(self, posed: Posed, steps: Sequence[str]) -> list[int]:
        here, goal = posed.statement.split(" to ")
        nearest, moves, ratings = self.far[goal][here], 0, []
        for step in steps:
            words = step.split(" ")
            if words[:2] == [str(moves + 1), here] and [self.streets[here].get(words[-2])] == words[3:]:
                here, moves = words[3], moves + 1
                ratings.append(int(self.far[goal][here] < nearest))
                nearest = min(nearest, self.far[goal][here])
            elif step == f"{SO} {here}":
                ratings.append(0)
            else:
                ratings.append(1 if step == f"{ANSWER} {posed.answer}" and here == goal else -1)
        return ratings

    def spoil(self, posed: Posed, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Another place at the end of a street, a street that is closed, another count."""
        words = steps[place].split(" ")
        if words[0] == ANSWER:
            return f"{ANSWER} {chance.choice([str(n) for n in range(3, 8) if str(n) != posed.answer])}"
        number, here, turn, there = words
        if chance.random() < 0.3:
            closed = [each for each in TURNS if self.streets[here].get(each) != there]
            return f"{number} {here} {chance.choice(closed)} {there}"
        return f"{number} {here} {turn} {chance.choice([each for each in self.places if each != there])}"

    def _city(self, width: int, height: int, chance: random.Random) -> dict[str, dict[str, str]]:
        named = chance.sample(self.places, len(self.places))
        at = {(x, y): named[y * width + x] for y in range(height) for x in range(width)}
        streets: dict[str, dict[str, str]] = {
            name: {turn: at[x + dx, y + dy] for turn, (dx, dy) in TURNS.items() if (x + dx, y + dy) in at}
            for (x, y), name in at.items()
        }
        back = dict(zip(TURNS, ("south", "west", "north", "east"), strict=True))
        ways = [(one, turn) for one in named for turn in ("east", "south") if turn in streets[one]]
        for one, turn in chance.sample(ways, int(len(ways) * CLOSED)):
            other = streets[one].pop(turn)
            del streets[other][back[turn]]
            if len(self._reached(streets, one)) < len(named):
                streets[one][turn], streets[other][back[turn]] = other, one
        return streets

    def _distances(self, goal: str) -> dict[str, int]:
        return self._reached(self.streets, goal)

    @staticmethod
    def _reached(streets: dict[str, dict[str, str]], start: str) -> dict[str, int]:
        """Moves from `start` to every place that can be reached; streets go both ways."""
        far, waiting = {start: 0}, deque([start])
        while waiting:
            here = waiting.popleft()
            for there in streets[here].values():
                if there not in far:
                    far[there] = far[here] + 1
                    waiting.append(there)
        return far
