"""PURE: commas. In `10,000` a comma groups digits, in `(20,100)` it separates; `37,313` can be read both
ways, and is, until the other answer decides."""

from __future__ import annotations

import re

GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d|\.\d)")
INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?!\d|,\d)")
PIECE = re.compile(r"\\[a-zA-Z]+|\\.|.", re.S)
OPENING = {"(", "[", "{", "\\{", "\\langle", "\\lfloor", "\\lceil"}
CLOSING = {")", "]", "}", "\\}", "\\rangle", "\\rfloor", "\\rceil"}


def readings(text: str) -> list[str]:
    """The text with grouping commas removed; a second time with only those removed that cannot
    separate, where that differs. `1,000` has one reading, `37,313` two."""
    brackets = _bracket_depths(text)
    text_as_list = GROUPED.sub(lambda match: _ungroup(match, brackets, always=False), text)
    text_as_number = GROUPED.sub(lambda match: _ungroup(match, brackets, always=True), text)
    both = [
        INDIAN.sub(lambda match: match[0].replace(",", ""), item) for item in (text_as_number, text_as_list)
    ]
    return list(dict.fromkeys(both))


def _ungroup(match: re.Match[str], brackets: list[int], *, always: bool) -> str:
    number = match[0]
    certain = re.search(r",0", number) is not None or "." in number
    if certain or (always and brackets[match.start()] == 0):
        return number.replace(",", "")
    return number


def _bracket_depths(text: str) -> list[int]:
    """How many brackets that can hold a list are open at each character. LaTeX's braces are none."""
    depths, depth = [], 0
    for piece in PIECE.findall(text):
        if piece in OPENING and piece != "{":
            depth += 1
        elif piece in CLOSING and piece != "}":
            depth -= 1
        depths += [depth] * len(piece)
    return depths


def split_top_level(text: str, separator: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Parts between separators outside all brackets, and the separators."""
    parts, separators, depth, start, at = [], [], 0, 0, 0
    if "\\begin{" in text:
        return [text], []
    while at < len(text):
        piece = PIECE.match(text, at)
        assert piece is not None
        if depth == 0 and (match := separator.match(text, at)) and match.end() > at:
            parts.append(text[start:at].strip())
            separators.append(match[0])
            start = at = match.end()
            continue
        depth += (piece[0] in OPENING) - (piece[0] in CLOSING)
        at = piece.end()
    return [*parts, text[start:].strip()], separators
