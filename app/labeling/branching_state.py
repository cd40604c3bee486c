"""PURE: the walk of `alternatives` projects (PRM800K's phase 1; Lightman et al. 2023, appendix A).

Each position offers the candidates prepared after the path chosen so far. All are rated; one
that is not negative is chosen, and the walk goes on behind it. It ends where nothing is
prepared behind the chosen one, or where all are negative; there the labeler may write the
step as it should be. Nothing follows a written step: no model is asked while a labeler waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.labeling.labeling_state import LabelingState, StepRating, SubmissionError


@dataclass
class BranchingLabelingState(LabelingState):
    chosen: dict[int, int] = field(default_factory=dict)
    human_texts: dict[int, str] = field(default_factory=dict)

    def set_chosen(self, position: int, candidate: int, chosen: bool) -> None:
        if chosen:
            self.chosen[position] = candidate
        elif self.chosen.get(position) == candidate:
            del self.chosen[position]

    def set_human_text(self, position: int, words: str) -> None:
        if words.strip():
            self.human_texts[position] = words.strip()
        else:
            self.human_texts.pop(position, None)

    def accepts(self, act: str) -> bool:
        return True

    def get_rating(self, position: int, candidate: int) -> StepRating | None:
        return (
            self.alternative_ratings.get((position, candidate)) if candidate else self.ratings.get(position)
        )

    def list_candidates(self, path: Sequence[int]) -> list[int]:
        """The candidates of the position after `path`; the solution's own comes first."""
        position = len(path)
        own = [0] if position < self.steps and not any(path) else []
        wanted = tuple(path)
        return own + [
            each.candidate
            for each in self.alternatives
            if each.position == position and each.prefix == wanted
        ]

    @property
    def path(self) -> list[int]:
        """The candidates chosen so far, as far as the choices hold."""
        path: list[int] = []
        while here := self.list_candidates(path):
            choice = self.chosen.get(len(path))
            if choice not in here or not self._is_position_rated(len(path), here):
                break
            rating = self.get_rating(len(path), choice)
            if rating is None or rating.rating == -1:
                break
            path.append(choice)
        return path

    def _is_position_rated(self, position: int, here: Sequence[int]) -> bool:
        return all(self.get_rating(position, candidate) for candidate in here)

    @property
    def frontier(self) -> int:
        """The position the labeler is at; behind the last one, the walk came to its end."""
        return len(self.path)

    @property
    def all_negative(self) -> bool:
        path = self.path
        here = self.list_candidates(path)
        words = [self.get_rating(len(path), candidate) for candidate in here]
        return bool(here) and all(word is not None and word.rating == -1 for word in words)

    @property
    def first_error(self) -> int | None:
        return self.frontier if self.all_negative else None

    def is_reached(self, position: int, candidate: int = 0) -> bool:
        path = self.path
        return position <= len(path) and candidate in self.list_candidates(path[:position])

    def build_step_labels(self, steps: Sequence[str]) -> list[dict[str, Any]]:
        texts = {(each.position, each.candidate): each.text for each in self.alternatives}
        path, rows = self.path, []
        for position in range(len(path) + 1):
            here = self.list_candidates(path[:position])
            words = [self.get_rating(position, candidate) for candidate in here]
            if not any(words):
                break
            written = self.human_texts.get(position) if position == len(path) and self.all_negative else None
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

    def _completion_error(self, finish_reason: str) -> SubmissionError:
        here, position = self.list_candidates(self.path), self.frontier
        if here and not self.all_negative:
            if not self._is_position_rated(position, here):
                return (
                    f"Step {position + 1} has candidates that are not rated.",
                    "Rate each of them, then choose one to go on with.",
                )
            return (f"No candidate is chosen for step {position + 1}.", "Choose one that is not wrong.")
        if finish_reason == "found_error" and not self.all_negative:
            return ("The walk ended without a wrong position.", "Submit it as right.")
        if finish_reason == "solution" and self.all_negative:
            return (f"Every candidate for step {position + 1} is wrong.", "Submit it as an error found.")
        return None
