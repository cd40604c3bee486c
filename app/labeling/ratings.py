"""The ratings of a step: value, names, default key and tone. Python, templates and scripts take them
from here; the icon of a rating is `#rating-<name>` in templates/labeling/_rating_icons.html."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Rating:
    value: int | None
    """As stored and exported. None: flagged without a rating."""
    name: str
    """Of its action, CSS class and icon."""
    label: str
    """On its button."""
    word: str
    """In a sentence."""
    key: str
    """Default key at the desk."""
    tone: str
    """CSS class of a badge."""
    meaning: str
    """In the rating guide."""


NEGATIVE = Rating(
    -1,
    "negative",
    "Negative",
    "negative",
    "1",
    "error",
    "Contains an error, is off topic, cannot be verified, or is a dead end.",
)
NEUTRAL = Rating(
    0,
    "neutral",
    "Neutral",
    "neutral",
    "2",
    "",
    "Correct but adds nothing.",
)
POSITIVE = Rating(
    1,
    "positive",
    "Positive",
    "positive",
    "3",
    "success",
    "Correct, verifiable, follows from previous steps, makes progress.",
)
FLAG = Rating(
    None,
    "flag",
    "Flag",
    "flagged",
    "f",
    "warn",
    "The instructions do not cover it. A researcher will review it.",
)

RATINGS = (NEGATIVE, NEUTRAL, POSITIVE)
"""In the order of their keys and buttons."""
BY_VALUE = {rating.value: rating for rating in (*RATINGS, FLAG)}


def rating_word(value: int | None) -> str:
    return BY_VALUE[value].word


def ratings_json() -> list[dict[str, Any]]:
    """For scripts: the ratings and the flag."""
    return [asdict(rating) for rating in BY_VALUE.values()]
