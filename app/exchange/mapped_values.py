"""PURE: values of files with unknown fields, read as what the mapping says they are."""

from __future__ import annotations

import math
from typing import Any

import orjson

from app.exchange.field_mapping import FieldMapping
from app.exchange.json_decoding import RecordError

WORKED_MARKS = ("\n", "####", "\\boxed")
"""An answer with one of these is a worked solution that ends with the answer."""
TEXT_KEYS = ("text", "content", "step", "value", "output")
SPLITS = {
    "train": "train", "training": "train", "test": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
RATINGS = {
    **dict.fromkeys(("+", "1", "true", "correct", "right", "positive", "good", "great", "yes"), 1),
    **dict.fromkeys(("-", "-1", "false", "incorrect", "wrong", "negative", "bad", "error", "no"), -1),
    **dict.fromkeys(("neutral", "okay", "ok"), 0),
}
VERDICTS = {
    **dict.fromkeys(("1", "1.0", "true", "correct", "right", "yes"), "correct"),
    **dict.fromkeys(("0", "0.0", "-1", "false", "incorrect", "wrong", "no"), "incorrect"),
    "unparseable": "unparseable",
}
NO_ERROR = ("-1", "n/a", "na", "none", "no error", "correct")


def read_text(value: Any, name: str) -> str | None:
    """Text. Numbers become text; of a conversation, the last message of the user."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        messages = [item for item in value if item.get("role", item.get("from")) in ("user", "human")]
        return find_text((messages or value)[-1])
    if isinstance(value, bool | list | dict):
        raise RecordError(f'The field for "{name}" holds no text.', "Name a field that holds text.")
    return str(value)


def find_text(item: Any) -> str | None:
    """The text of an object, in one of the usual fields."""
    if isinstance(item, dict):
        item = next((item[key] for key in TEXT_KEYS if isinstance(item.get(key), str)), None)
    return item if isinstance(item, str) else None


def decode_cell(value: Any) -> Any:
    """A list or object that a table holds as text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def read_steps(value: Any) -> list[str] | str:
    """A list of steps, or the text to be split."""
    value = decode_cell(value)
    if isinstance(value, list):
        steps = [find_text(item) for item in value]
        if value and all(step is not None for step in steps):
            return [step for step in steps if step is not None]
    elif (text := find_text(value)) is not None:
        return text
    raise RecordError('The field for "steps" holds neither text nor a list of texts.', "Name another field.")


def read_ratings(value: Any, mapping: FieldMapping) -> tuple[list[int], list[float] | None]:
    """Ratings, one for each step, and the soft values they were derived from."""
    value = decode_cell(value)
    labels = value.split(",") if isinstance(value, str) else value
    if not isinstance(labels, list):
        raise RecordError('The field for "labels" holds no list.', "Name a field with a label for each step.")
    is_soft = any(isinstance(label, float) and not label.is_integer() for label in labels)
    ratings = [_read_rating(label, mapping, is_soft) for label in labels]
    return ratings, [float(label) for label in labels] if is_soft else None


def _read_rating(label: Any, mapping: FieldMapping, is_soft: bool) -> int:
    if isinstance(label, dict):
        label = label.get("rating", label.get("label", label.get("value")))
    zero = 0 if mapping.zero == "neutral" else -1
    if isinstance(label, bool):
        return 1 if label else -1
    if isinstance(label, int | float) and math.isfinite(label):
        if is_soft and 0 <= label <= 1:
            return 1 if label >= mapping.threshold else -1
        if label in (-1, 0, 1):
            return int(label) or zero
    if isinstance(label, str):
        spelling = label.strip().lower()
        if spelling in RATINGS or spelling == "0":
            return RATINGS.get(spelling, zero)
    raise RecordError(
        f"A step label is {str(label)[:40]!r}.",
        "Use true and false, 1, 0 and -1, + and -, or values from 0 to 1.",
    )


def read_position(value: Any, mapping: FieldMapping) -> int | None:
    """A position counted from 0, or -1 for none."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.strip().lower() in NO_ERROR:
        return -1
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number.is_integer() or isinstance(value, bool):
        raise RecordError(f"The position of the first error is {str(value)[:40]!r}.", "Use a whole number.")
    return max(int(number) - mapping.count_from, -1)


def read_verdict(value: Any, mapping: FieldMapping) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and 0 <= value <= 1:
        return "correct" if value >= mapping.threshold else "incorrect"
    if (verdict := VERDICTS.get(str(value).strip().lower())) is None:
        raise RecordError(
            f"The verdict is {str(value)[:40]!r}.", "Use true and false, or correct and incorrect."
        )
    return verdict


def read_split(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if (split := SPLITS.get(str(value).strip().lower())) is None:
        raise RecordError(f"The split is {str(value)[:40]!r}.", "Use train, validation or test.")
    return split
