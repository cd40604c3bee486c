"""PURE: alternatives to the steps of a solution in files.

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
    """The field `alternatives`: for each position, the alternatives to the step of the solution."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > steps + 1:
        raise RecordError('"alternatives" must be a list with at most one list of candidates per step.')
    records: list[AlternativeRecord] = []
    numbers: Counter[int] = Counter()
    for position, candidates in enumerate(value):
        _collect_alternatives(candidates, (0,) * position, records, numbers)
    return records


def _collect_alternatives(
    candidates: Any, prefix: tuple[int, ...], records: list[AlternativeRecord], numbers: Counter[int]
) -> None:
    if candidates is None:
        return
    if not isinstance(candidates, list):
        raise RecordError('"alternatives" must hold lists of candidates.')
    position = len(prefix)
    for candidate in candidates:
        content = candidate.get("text") if isinstance(candidate, dict) else candidate
        if not isinstance(content, str) or not is_visible_text(content):
            raise RecordError('"alternatives" has a candidate without a text.')
        numbers[position] += 1
        if len(records) >= MAX_ALTERNATIVES:
            raise RecordError(f"It has more than {MAX_ALTERNATIVES:,} alternatives.", "Provide fewer.")
        records.append(AlternativeRecord(position, numbers[position], prefix, content))
        if isinstance(candidate, dict):
            _collect_alternatives(candidate.get("next"), (*prefix, numbers[position]), records, numbers)


def list_completion_alternatives(labels: list[StepRecord], steps: list[str]) -> list[AlternativeRecord]:
    """The completions of a PRM800K row besides the steps of the solution, each text once."""
    records = []
    for position, label in enumerate(labels[: len(steps) + 1]):
        if label.texts is None:
            continue
        own = steps[position] if position < len(steps) else None
        others = [content for content in dict.fromkeys(label.texts) if content != own and content.strip()]
        prefix = (0,) * position
        records += [
            AlternativeRecord(position, number, prefix, content) for number, content in enumerate(others, 1)
        ]
    return records
