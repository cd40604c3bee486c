"""PURE: commas. In `10,000` a comma groups digits, in `(20,100)` it separates; `37,313` can be read both
ways, and is, until the other answer decides."""

from __future__ import annotations

import re

GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d|\.\d)")
INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?!\d|,\d)")
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.", re.S)
OPENING = {"(", "[", "{", "\\{", "\\langle", "\\lfloor", "\\lceil"}
CLOSING = {")", "]", "}", "\\}", "\\rangle", "\\rfloor", "\\rceil"}


def readings(text: str) -> list[str]:
    """The text with grouping commas removed; a second time with only those removed that cannot
    separate, where that differs. `1,000` has one reading, `37,313` two."""
    brackets = _bracket_depths(text)
    text_as_list = GROUPED.sub(lambda found: _ungroup(found, brackets, always=False), text)
    text_as_number = GROUPED.sub(lambda found: _ungroup(found, brackets, always=True), text)
    both = [
        INDIAN.sub(lambda found: found[0].replace(",", ""), each) for each in (text_as_number, text_as_list)
    ]
    return list(dict.fromkeys(both))


def _ungroup(found: re.Match[str], brackets: list[int], *, always: bool) -> str:
    number = found[0]
    certain = re.search(r",0", number) is not None or "." in number
    if certain or (always and brackets[found.start()] == 0):
        return number.replace(",", "")
    return number


def _bracket_depths(text: str) -> list[int]:
    """How many brackets that can hold a list are open at each character. LaTeX's braces are none."""
    depths, depth = [], 0
    for token in TOKEN.findall(text):
        if token in OPENING and token != "{":
            depth += 1
        elif token in CLOSING and token != "}":
            depth -= 1
        depths += [depth] * len(token)
    return depths


def split_top_level(text: str, separator: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Parts between separators outside all brackets, and the separators."""
    parts, separators, depth, start, at = [], [], 0, 0, 0
    if "\\begin{" in text:
        return [text], []
    while at < len(text):
        token = TOKEN.match(text, at)
        assert token is not None
        if depth == 0 and (found := separator.match(text, at)) and found.end() > at:
            parts.append(text[start:at].strip())
            separators.append(found[0])
            start = at = found.end()
            continue
        depth += (token[0] in OPENING) - (token[0] in CLOSING)
        at = token.end()
    return [*parts, text[start:].strip()], separators
