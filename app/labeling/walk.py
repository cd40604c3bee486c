"""PURE: how far a labeler has come through a solution, and what is missing to finish it.

In `first_error` projects the walk goes from the first step to the first negative one; what
was rated behind that stays recorded and does not count (LV: supervision runs up to and
including the first negative step). In `every_step` projects it goes through all steps.
A step that was flagged ("I can't tell") without a rating is judged: it is passed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """The current word on one step."""

    rating: int | None
    flagged: bool | None

    @property
    def said(self) -> bool:
        return self.rating is not None or bool(self.flagged)


@dataclass
class Walk:
    mode: str
    steps: int
    places: dict[int, Place]

    @property
    def in_order(self) -> bool:
        return self.mode == "first_error"

    @property
    def end(self) -> int:
        """Position of the first step that is not judged, or negative; `steps` if there is none."""
        for position in range(self.steps):
            place = self.places.get(position)
            if place is None or (self.in_order and place.rating == -1):
                return position
        return self.steps

    @property
    def first_error(self) -> int | None:
        if not self.in_order:
            wrong = [position for position, place in self.places.items() if place.rating == -1]
            return min(wrong, default=None)
        end = self.end
        return end if end in self.places else None

    def put(self, position: int, place: Place) -> None:
        if place.said:
            self.places[position] = place
        else:
            self.places.pop(position, None)

    def reached(self, position: int) -> bool:
        return not self.in_order or position <= self.end

    def judged(self) -> list[tuple[int, Place]]:
        """What a finished assignment says, in order."""
        if not self.in_order:
            return sorted(self.places.items())
        last = self.end + (1 if self.first_error is not None else 0)
        return [(position, self.places[position]) for position in range(last)]

    def not_ready(self, finish_reason: str, comment: str) -> tuple[str, str] | None:
        """Why it cannot be finished so: what is missing, and the remedy."""
        if finish_reason in ("bad_problem", "give_up"):
            return None if comment.strip() else ("A short reason is needed.", "Say why in a few words.")
        if finish_reason not in ("solution", "found_error"):
            return ("There is no such way to finish.", "Use solution, found_error, bad_problem or give_up.")
        if self.end < self.steps and not (self.in_order and self.first_error is not None):
            return (f"Step {self.end + 1} is not rated yet.", "Rate it, or mark the first wrong step.")
        if finish_reason == "found_error" and self.first_error is None:
            return ("No step is marked wrong.", "Mark the first wrong step, or submit it as right.")
        if finish_reason == "solution" and self.first_error is not None:
            return (f"Step {self.first_error + 1} is marked wrong.", "Submit it as an error found.")
        return None
