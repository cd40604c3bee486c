"""PURE: the labeling state of a project with alternatives at every position (PRM800K's phase 1;
Lightman et al. 2023, appendix A).

Each position offers the candidates prepared for the path chosen so far. The labeler rates all of
them and chooses one that is not negative, and the path continues with it. A lone candidate is chosen
by rating it. The path ends where no
alternatives are prepared for it, or where all candidates are negative. In the second case the
labeler may write the correct step. Nothing follows a written step, because no model runs while a
labeler waits.

static/desk/branching-state.js applies the same rules in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.modes.labeling_state import LabelingState, StepRating, SubmissionError


@dataclass
class BranchingLabelingState(LabelingState):
    chosen: dict[int, int] = field(default_factory=dict)
    """Position -> the chosen candidate."""
    human_texts: dict[int, str] = field(default_factory=dict)
    """Position -> the step that the labeler wrote."""

    def set_chosen(self, position: int, candidate: int, chosen: bool) -> None:
        if chosen:
            self.chosen[position] = candidate
        elif self.chosen.get(position) == candidate:
            del self.chosen[position]

    def set_human_text(self, position: int, text: str) -> None:
        if text.strip():
            self.human_texts[position] = text.strip()
        else:
            self.human_texts.pop(position, None)

    def accepts(self, event_kind: str) -> bool:
        return True

    def list_candidates(self, path: Sequence[int]) -> list[int]:
        """The candidates of the position after `path`. The solution's own step comes first."""
        position, prefix = len(path), tuple(path)
        own = [0] if position < self.step_count and not any(path) else []
        prepared = [step for step in self.alternatives if step.position == position and step.prefix == prefix]
        return own + [step.candidate for step in prepared]

    @property
    def path(self) -> list[int]:
        """The candidates chosen so far, while each choice is still allowed by the ratings."""
        path: list[int] = []
        while candidates := self.list_candidates(path):
            position = len(path)
            choice = candidates[0] if len(candidates) == 1 else self.chosen.get(position)
            if (
                choice is None
                or choice not in candidates
                or not self._is_position_rated(position, candidates)
            ):
                break
            rating = self.get_rating(position, choice)
            if rating is None or rating.rating == -1:
                break
            path.append(choice)
        return path

    def _is_position_rated(self, position: int, candidates: Sequence[int]) -> bool:
        return all(self.get_rating(position, candidate) for candidate in candidates)

    @property
    def frontier(self) -> int:
        """The position after the chosen path."""
        return len(self.path)

    @property
    def all_negative(self) -> bool:
        """Whether every candidate after the path is negative."""
        path = self.path
        candidates = self.list_candidates(path)
        ratings = [self.get_rating(len(path), candidate) for candidate in candidates]
        return bool(candidates) and all(rating is not None and rating.rating == -1 for rating in ratings)

    @property
    def first_error(self) -> int | None:
        return self.frontier if self.all_negative else None

    @property
    def finish_reason(self) -> str | None:
        if self.all_negative:
            return "found_error"
        return None if self.list_candidates(self.path) else "solution"

    def is_reached(self, position: int, candidate: int = 0) -> bool:
        path = self.path
        return position <= len(path) and candidate in self.list_candidates(path[:position])

    def list_places(self) -> list[tuple[int, int]]:
        path = self.path
        return [
            (position, candidate)
            for position in range(len(path) + 1)
            for candidate in self.list_candidates(path[:position])
        ]

    def build_step_labels(self, steps: Sequence[str]) -> list[dict[str, Any]]:
        path, labels = self.path, []
        for position in range(len(path) + 1):
            candidates = self.list_candidates(path[:position])
            ratings = [self.get_rating(position, candidate) for candidate in candidates]
            if not any(ratings):
                break
            labels.append(self._position_label(position, candidates, ratings, steps))
        return labels

    def _position_label(
        self,
        position: int,
        candidates: Sequence[int],
        ratings: Sequence[StepRating | None],
        steps: Sequence[str],
    ) -> dict[str, Any]:
        path = self.path
        texts = {step.candidate: step.text for step in self.alternatives if step.position == position}
        is_last = position == len(path)
        return {
            "position": position,
            "texts": [texts.get(candidate) or steps[position] for candidate in candidates],
            "ratings": [rating.rating if rating else None for rating in ratings],
            "flags": [rating.flagged if rating else None for rating in ratings],
            "chosen": None if is_last else candidates.index(path[position]),
            "human_text": self.human_texts.get(position) if is_last and self.all_negative else None,
        }

    def _completion_error(self, finish_reason: str) -> SubmissionError | None:
        candidates, position = self.list_candidates(self.path), self.frontier
        if candidates and not self.all_negative:
            if not self._is_position_rated(position, candidates):
                return SubmissionError(
                    f"Step {position + 1} has alternatives that are not rated.",
                    "Rate each of them, then choose one to continue with.",
                )
            return SubmissionError(
                f"No alternative is chosen for step {position + 1}.", "Choose one that is not negative."
            )
        if finish_reason == "found_error" and not self.all_negative:
            return SubmissionError("The last position is not an error.", "Submit with no error.")
        if finish_reason == "solution" and self.all_negative:
            return SubmissionError(
                f"All alternatives for step {position + 1} are negative.", "Submit with an error."
            )
        return None
