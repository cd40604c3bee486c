"""PURE: the walk of `alternatives` projects (PRM800K's phase 1; Lightman et al. 2023, appendix A).

Each position offers the candidates prepared after the path chosen so far. All are rated; one
that is not negative is chosen, and the walk goes on behind it. It ends where nothing is
prepared behind the chosen one, or where all are negative; there the labeler may write the
step as it should be. Nothing follows a written step: no model is asked while a labeler waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.labeling.labeling_state import Place, Ready, Walk


@dataclass
class Choosing(Walk):
    chosen: dict[int, int] = field(default_factory=dict)
    written: dict[int, str] = field(default_factory=dict)

    def choose(self, position: int, candidate: int, chosen: bool) -> None:
        if chosen:
            self.chosen[position] = candidate
        elif self.chosen.get(position) == candidate:
            del self.chosen[position]

    def write(self, position: int, words: str) -> None:
        if words.strip():
            self.written[position] = words.strip()
        else:
            self.written.pop(position, None)

    def takes(self, act: str) -> bool:
        return True

    def word(self, position: int, candidate: int) -> Place | None:
        return self.others.get((position, candidate)) if candidate else self.places.get(position)

    def at(self, path: Sequence[int]) -> list[int]:
        """The candidates of the position after `path`; the solution's own comes first."""
        position = len(path)
        own = [0] if position < self.steps and not any(path) else []
        wanted = tuple(path)
        return own + [
            each.candidate for each in self.candidates if each.position == position and each.prefix == wanted
        ]

    @property
    def path(self) -> list[int]:
        """The candidates chosen so far, as far as the choices hold."""
        path: list[int] = []
        while here := self.at(path):
            choice = self.chosen.get(len(path))
            if choice not in here or not self._settled(len(path), here):
                break
            rating = self.word(len(path), choice)
            if rating is None or rating.rating == -1:
                break
            path.append(choice)
        return path

    def _settled(self, position: int, here: Sequence[int]) -> bool:
        return all(self.word(position, candidate) for candidate in here)

    @property
    def end(self) -> int:
        """The position the labeler is at; behind the last one, the walk came to its end."""
        return len(self.path)

    @property
    def all_wrong(self) -> bool:
        path = self.path
        here = self.at(path)
        words = [self.word(len(path), candidate) for candidate in here]
        return bool(here) and all(word is not None and word.rating == -1 for word in words)

    @property
    def first_error(self) -> int | None:
        return self.end if self.all_wrong else None

    def reached(self, position: int, candidate: int = 0) -> bool:
        path = self.path
        return position <= len(path) and candidate in self.at(path[:position])

    def labels(self, steps: Sequence[str]) -> list[dict[str, Any]]:
        texts = {(each.position, each.candidate): each.text for each in self.candidates}
        path, rows = self.path, []
        for position in range(len(path) + 1):
            here = self.at(path[:position])
            words = [self.word(position, candidate) for candidate in here]
            if not any(words):
                break
            written = self.written.get(position) if position == len(path) and self.all_wrong else None
            rows.append(
                {
                    "position": position,
                    "texts": [texts.get((position, candidate)) or steps[position] for candidate in here],
                    "ratings": [word.rating if word else None for word in words],
                    "flags": [word.flagged if word else None for word in words],
                    "chosen": here.index(path[position]) if position < len(path) else None,
                    "human_text": written,
                }
            )
        return rows

    def _unfinished(self, finish_reason: str) -> Ready:
        here, position = self.at(self.path), self.end
        if here and not self.all_wrong:
            if not self._settled(position, here):
                return (
                    f"Step {position + 1} has candidates that are not rated.",
                    "Rate each of them, then choose one to go on with.",
                )
            return (f"No candidate is chosen for step {position + 1}.", "Choose one that is not wrong.")
        if finish_reason == "found_error" and not self.all_wrong:
            return ("The walk ended without a wrong position.", "Submit it as right.")
        if finish_reason == "solution" and self.all_wrong:
            return (f"Every candidate for step {position + 1} is wrong.", "Submit it as an error found.")
        return None
