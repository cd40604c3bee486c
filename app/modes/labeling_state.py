"""PURE: the current ratings of one solution, and what is missing before it can be submitted.

With `in_order`, a labeler rates from the first step up to the first negative one. Later ratings stay
recorded but do not count: supervision covers the steps up to and including the first error (Lightman
et al. 2023). Alternatives prepared for that position may be rated after it. Without `in_order`, a
labeler rates every step in any order. A flagged step without a rating counts as rated.

static/desk/labeling-state.js applies the same rules in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True)
class StepRating:
    """The current rating of one candidate of a position."""

    rating: int | None
    flagged: bool | None

    @property
    def is_rated(self) -> bool:
        return self.rating is not None or bool(self.flagged)


@dataclass(frozen=True)
class AlternativeStep:
    """A prepared step for `position`. The solution's own step is candidate 0. An alternative is only
    valid after `prefix`, the candidates chosen at positions 0, 1, ... before it."""

    position: int
    candidate: int
    text: str
    prefix: tuple[int, ...]


class SubmissionError(NamedTuple):
    message: str
    remedy: str


@dataclass
class LabelingState:
    step_count: int
    ratings: dict[int, StepRating] = field(default_factory=dict)
    """Position -> rating of the solution's own step."""
    alternatives: Sequence[AlternativeStep] = ()
    alternative_ratings: dict[tuple[int, int], StepRating] = field(default_factory=dict)
    """(position, candidate) -> rating of an alternative."""
    in_order: bool = True

    @property
    def frontier(self) -> int:
        """Position of the first step that is not rated, or is negative; `step_count` without one."""
        for position in range(self.step_count):
            rating = self.ratings.get(position)
            if rating is None or (self.in_order and rating.rating == -1):
                return position
        return self.step_count

    @property
    def first_error(self) -> int | None:
        if not self.in_order:
            negative = [position for position, rating in self.ratings.items() if rating.rating == -1]
            return min(negative, default=None)
        frontier = self.frontier
        return frontier if frontier in self.ratings else None

    @property
    def finish_reason(self) -> str | None:
        """How the solution can be submitted now; None while ratings are missing."""
        is_complete = self.frontier == self.step_count
        if self.first_error is not None and (self.in_order or is_complete):
            return "found_error"
        return "solution" if is_complete else None

    def get_rating(self, position: int, candidate: int = 0) -> StepRating | None:
        return (
            self.alternative_ratings.get((position, candidate)) if candidate else self.ratings.get(position)
        )

    def set_rating(self, position: int, rating: StepRating, candidate: int = 0) -> None:
        """An empty rating removes the current one."""
        ratings: dict[Any, StepRating] = self.alternative_ratings if candidate else self.ratings
        key: Any = (position, candidate) if candidate else position
        if rating.is_rated:
            ratings[key] = rating
        else:
            ratings.pop(key, None)

    def set_chosen(self, position: int, candidate: int, chosen: bool) -> None:
        """Only a branching state has a chosen path."""

    def set_human_text(self, position: int, text: str) -> None:
        """Only a branching state takes steps that the labeler writes."""

    def has_step(self, position: int, candidate: int) -> bool:
        if candidate == 0:
            return position < self.step_count
        return any(step.position == position and step.candidate == candidate for step in self.alternatives)

    def accepts(self, event_kind: str) -> bool:
        """Whether labelers may rate, choose or write here: rating, choice or text."""
        return event_kind == "rating"

    def allows(self, event_kind: str, position: int, candidate: int, is_removal: bool = False) -> bool:
        """Whether an event may be recorded now. Removing is always allowed; so is a text, which only
        counts where all alternatives are negative."""
        if not self.has_step(position, candidate) or not self.accepts(event_kind):
            return False
        return is_removal or event_kind == "text" or self.is_reached(position, candidate)

    def is_reached(self, position: int, candidate: int = 0) -> bool:
        if candidate:
            return any(step.candidate == candidate for step in self.available_alternatives(position))
        return not self.in_order or position <= self.frontier

    def available_alternatives(self, position: int) -> list[AlternativeStep]:
        """The alternatives that may be rated now: those for the first error."""
        if not self.in_order or self.first_error != position:
            return []
        own_path = (0,) * position
        return [step for step in self.alternatives if step.position == position and step.prefix == own_path]

    def list_places(self) -> list[tuple[int, int]]:
        """(position, candidate) of everything that can be rated now, in the order of the desk."""
        error = self.first_error
        places: list[tuple[int, int]] = []
        for position in filter(self.is_reached, range(self.step_count)):
            places.append((position, 0))
            if position == error:
                alternatives = self.available_alternatives(position)
                places += [(position, step.candidate) for step in alternatives]
        return places

    def reached_ratings(self) -> list[int | None]:
        """The ratings of list_places; None where there is no rating or only a flag."""
        ratings = (self.get_rating(*place) for place in self.list_places())
        return [rating.rating if rating else None for rating in ratings]

    def counted_ratings(self) -> list[tuple[int, StepRating]]:
        """The ratings of the solution's own steps that a submission includes, in order."""
        if not self.in_order:
            return sorted(self.ratings.items())
        end = self.frontier + (1 if self.first_error is not None else 0)
        return [(position, self.ratings[position]) for position in range(end)]

    def build_step_labels(self, steps: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of step_label without the assignment's id."""
        return [self._step_label(position, rating, steps) for position, rating in self.counted_ratings()]

    def _step_label(self, position: int, own: StepRating, steps: Sequence[str]) -> dict[str, Any]:
        available = self.available_alternatives(position)
        rated = [
            (step.text, rating)
            for step in available
            if (rating := self.alternative_ratings.get((position, step.candidate))) is not None
        ]
        return {
            "position": position,
            "texts": [steps[position], *(text for text, _ in rated)] if rated else None,
            "ratings": [own.rating, *(rating.rating for _, rating in rated)],
            "flags": [own.flagged, *(rating.flagged for _, rating in rated)],
            "chosen": None if own.rating == -1 else 0,
            "human_text": None,
        }

    def submission_error(self, finish_reason: str, comment: str) -> SubmissionError | None:
        """Why the solution cannot be submitted with `finish_reason`; None if it can."""
        if finish_reason in ("bad_problem", "give_up"):
            return None if comment.strip() else SubmissionError("A reason is required.", "Enter a reason.")
        if finish_reason not in ("solution", "found_error"):
            return SubmissionError(
                "Unknown finish reason.", "Use solution, found_error, bad_problem or give_up."
            )
        return self._completion_error(finish_reason)

    def _completion_error(self, finish_reason: str) -> SubmissionError | None:
        error = self.first_error
        if self.frontier < self.step_count and not (self.in_order and error is not None):
            return SubmissionError(
                f"Step {self.frontier + 1} is not rated yet.",
                "Rate it, or rate the first error." if self.in_order else "Rate it.",
            )
        if finish_reason == "found_error" and error is None:
            return SubmissionError(
                "No step is rated negative.", "Rate the first error, or submit with no error."
            )
        if finish_reason == "solution" and error is not None:
            return SubmissionError(f"Step {error + 1} is rated negative.", "Submit with an error.")
        return None
