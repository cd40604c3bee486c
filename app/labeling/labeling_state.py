"""PURE: how far a labeler has come through a solution, and what is missing to finish it.

In `first_error` projects the walk goes from the first step to the first negative one; what
was rated behind that stays recorded and does not count (LV: supervision runs up to and
including the first negative step). Other candidates prepared for that position may be rated
after it, never before. In `every_step` projects it goes through all steps. The walk of
`alternatives` projects is in choosing.py.
A step that was flagged ("I can't tell") without a rating is judged: it is passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SubmissionError = tuple[str, str] | None


@dataclass(frozen=True)
class StepRating:
    """The current word on one candidate of a position."""

    rating: int | None
    flagged: bool | None

    @property
    def is_rated(self) -> bool:
        return self.rating is not None or bool(self.flagged)


@dataclass(frozen=True)
class AlternativeStep:
    """A step for `position` beside the solution's own (which is candidate 0), valid only after
    `prefix`: the candidates that were chosen at positions 0, 1, ... before it."""

    position: int
    candidate: int
    text: str
    prefix: tuple[int, ...]


@dataclass
class LabelingState:
    mode: str
    steps: int
    ratings: dict[int, StepRating]
    alternatives: Sequence[AlternativeStep] = ()
    alternative_ratings: dict[tuple[int, int], StepRating] = field(default_factory=dict)
    """What was said of candidates other than the solution's own steps."""

    @property
    def in_order(self) -> bool:
        return self.mode == "first_error"

    @property
    def frontier(self) -> int:
        """Position of the first step that is not judged, or negative; `steps` if there is none."""
        for position in range(self.steps):
            place = self.ratings.get(position)
            if place is None or (self.in_order and place.rating == -1):
                return position
        return self.steps

    @property
    def first_error(self) -> int | None:
        if not self.in_order:
            wrong = [position for position, place in self.ratings.items() if place.rating == -1]
            return min(wrong, default=None)
        end = self.frontier
        return end if end in self.ratings else None

    def set_rating(self, position: int, place: StepRating, candidate: int = 0) -> None:
        held: dict[Any, StepRating] = self.alternative_ratings if candidate else self.ratings
        key: Any = (position, candidate) if candidate else position
        if place.is_rated:
            held[key] = place
        else:
            held.pop(key, None)

    def set_chosen(self, position: int, candidate: int, chosen: bool) -> None:
        """Only in `alternatives` projects."""

    def set_human_text(self, position: int, words: str) -> None:
        """Only in `alternatives` projects."""

    def has_step(self, position: int, candidate: int) -> bool:
        if candidate == 0:
            return position < self.steps
        return any(each.position == position and each.candidate == candidate for each in self.alternatives)

    def accepts(self, act: str) -> bool:
        """Whether labelers of this mode rate, choose, write."""
        return act == "rating"

    def is_reached(self, position: int, candidate: int = 0) -> bool:
        if candidate:
            return any(each.candidate == candidate for each in self.available_alternatives(position))
        return not self.in_order or position <= self.frontier

    def available_alternatives(self, position: int) -> list[AlternativeStep]:
        """Other candidates that may be rated now: those for the first wrong step."""
        if not self.in_order or self.first_error != position:
            return []
        own = (0,) * position
        return [each for each in self.alternatives if each.position == position and each.prefix == own]

    def counted_ratings(self) -> list[tuple[int, StepRating]]:
        """What a finished assignment says of the solution's own steps, in order."""
        if not self.in_order:
            return sorted(self.ratings.items())
        last = self.frontier + (1 if self.first_error is not None else 0)
        return [(position, self.ratings[position]) for position in range(last)]

    def build_step_labels(self, steps: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of step_label, but for the assignment: what a finished assignment says."""
        return [self._label(position, place, steps) for position, place in self.counted_ratings()]

    def _label(self, position: int, place: StepRating, steps: Sequence[str]) -> dict[str, Any]:
        said = [
            (each, self.alternative_ratings.get((position, each.candidate)))
            for each in self.available_alternatives(position)
        ]
        rated = [(each.text, other) for each, other in said if other is not None]
        return {
            "position": position,
            "texts": [steps[position], *(words for words, _ in rated)] if rated else None,
            "ratings": [place.rating, *(other.rating for _, other in rated)],
            "flags": [place.flagged, *(other.flagged for _, other in rated)],
            "chosen": None if place.rating == -1 else 0,
            "human_text": None,
        }

    def submission_error(self, finish_reason: str, comment: str) -> SubmissionError:
        """Why it cannot be finished so: what is missing, and the remedy."""
        if finish_reason in ("bad_problem", "give_up"):
            return None if comment.strip() else ("A short reason is needed.", "Say why in a few words.")
        if finish_reason not in ("solution", "found_error"):
            return ("There is no such way to finish.", "Use solution, found_error, bad_problem or give_up.")
        return self._completion_error(finish_reason)

    def _completion_error(self, finish_reason: str) -> SubmissionError:
        if self.frontier < self.steps and not (self.in_order and self.first_error is not None):
            return (f"Step {self.frontier + 1} is not rated yet.", "Rate it, or mark the first wrong step.")
        if finish_reason == "found_error" and self.first_error is None:
            return ("No step is marked wrong.", "Mark the first wrong step, or submit it as right.")
        if finish_reason == "solution" and self.first_error is not None:
            return (f"Step {self.first_error + 1} is marked wrong.", "Submit it as an error found.")
        return None
