"""PURE: spans of text, and how paired delimiters become spans.

A span is a pair of offsets, `start` included and `end` excluded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

Span = tuple[int, int]


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """The union of the spans, ascending, without overlaps."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def exclude_inside(offsets: Iterable[int], spans: list[Span]) -> list[int]:
    """The offsets that lie in no span. Both arguments ascend, so one pass over each is enough."""
    if not spans:
        return list(offsets)
    outside: list[int] = []
    index = 0
    for offset in offsets:
        while index < len(spans) and spans[index][1] <= offset:
            index += 1
        if index == len(spans) or offset <= spans[index][0]:
            outside.append(offset)
    return outside


def exclude_matches(matches: Iterable[re.Match[str]], spans: list[Span]) -> list[re.Match[str]]:
    """The matches that do not begin inside a span. Both arguments ascend."""
    if not spans:
        return list(matches)
    outside: list[re.Match[str]] = []
    index = 0
    for match in matches:
        while index < len(spans) and spans[index][1] <= match.start():
            index += 1
        if index == len(spans) or match.start() < spans[index][0]:
            outside.append(match)
    return outside


def pair_delimiters(text: str, delimiter: re.Pattern[str]) -> list[Span]:
    """Spans from each opening delimiter to the first closing delimiter of the same name.

    `delimiter` has the groups `open` and `close`; each captures the name. Nothing nests, and an
    opening delimiter without a closing one is ignored."""
    tokens = list(delimiter.finditer(text))
    closers = Counter(token["close"].lower() for token in tokens if token["close"])
    spans: list[Span] = []
    name, start = "", 0
    for token in tokens:
        if token["close"]:
            closers[token["close"].lower()] -= 1
            if name == token["close"].lower():
                spans.append((start, token.end()))
                name = ""
        elif not name and closers[token["open"].lower()]:
            name, start = token["open"].lower(), token.start()
    return spans
