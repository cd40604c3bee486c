"""PURE: other candidates for the positions of a solution, as files say them.

In Stepmark's own lines a candidate is a text, or {"text", "next": [candidates]} where more were
prepared behind it. In a PRM800K row they are the completions beside the one that was followed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.exchange.json_decoding import RecordError
from app.exchange.records import AlternativeRecord, StepRecord
from app.problems.segmentation import is_visible_text

MAX_ALTERNATIVES = 5000


def parse_alternatives(value: Any, steps: int) -> list[AlternativeRecord]:
    """`alternatives` of a line: for each position, the candidates beside the solution's own."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > steps + 1:
        raise RecordError('"alternatives" must be a list with one list of candidates a step, at most.')
    found: list[AlternativeRecord] = []
    numbers: Counter[int] = Counter()
    for position, candidates in enumerate(value):
        _collect_alternatives(candidates, (0,) * position, found, numbers)
    return found


def _collect_alternatives(
    candidates: Any, prefix: tuple[int, ...], found: list[AlternativeRecord], numbers: Counter[int]
) -> None:
    if candidates is None:
        return
    if not isinstance(candidates, list):
        raise RecordError('"alternatives" must hold lists of candidates.')
    position = len(prefix)
    for each in candidates:
        words = each.get("text") if isinstance(each, dict) else each
        if not isinstance(words, str) or not is_visible_text(words):
            raise RecordError('"alternatives" has a candidate without a text.')
        numbers[position] += 1
        if len(found) >= MAX_ALTERNATIVES:
            raise RecordError(f"It has more than {MAX_ALTERNATIVES:,} alternatives.", "Give fewer of them.")
        found.append(AlternativeRecord(position, numbers[position], prefix, words))
        if isinstance(each, dict):
            _collect_alternatives(each.get("next"), (*prefix, numbers[position]), found, numbers)


def list_completion_alternatives(labels: list[StepRecord], steps: list[str]) -> list[AlternativeRecord]:
    """What a row of PRM800K offered beside the solution's own steps, each text once."""
    found = []
    for position, label in enumerate(labels[: len(steps) + 1]):
        if label.texts is None:
            continue
        own = steps[position] if position < len(steps) else None
        others = [words for words in dict.fromkeys(label.texts) if words != own and words.strip()]
        prefix = (0,) * position
        found += [
            AlternativeRecord(position, number, prefix, words) for number, words in enumerate(others, 1)
        ]
    return found
