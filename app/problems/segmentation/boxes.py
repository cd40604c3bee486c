"""PURE: boxed answers, and display formulas that have lost their backslashes."""

from __future__ import annotations

import re

from app.problems.segmentation.spans import Span, exclude_matches

BOX = re.compile(r"\\f?boxed\s*\{")
BOX_TOKEN = re.compile(r"\\f?boxed\s*\{|\\.|[{}]|\n[^\S\n]*\n")
BARE_DISPLAY = re.compile(
    r"^[ \t]*\[[ \t]*\n(?:(?![ \t]*[\[\]][ \t]*$)[ \t]*+\S[^\n]*\n){1,40}[ \t]*\][ \t]*$", re.M
)
"""A display formula that has lost its backslashes: brackets alone on their lines."""


def find_bare_displays(text: str, raw: list[Span]) -> list[Span]:
    return [match.span() for match in exclude_matches(BARE_DISPLAY.finditer(text), raw)]


def find_boxes(text: str) -> list[Span]:
    """`\\boxed{..}` to its closing brace, before the next blank line."""
    spans: list[Span] = []
    position = 0
    while box := BOX.search(text, position):
        opened: list[int | None] = []
        for token in BOX_TOKEN.finditer(text, box.start()):
            position = token.end()
            if token[0][-1] == "{" and token[0] != "\\{":
                opened.append(token.start() if len(token[0]) > 1 else None)
            elif token[0] == "}" and (start := opened.pop()) is not None:
                spans.append((start, token.end()))
            if token[0][0] == "\n" or not opened:
                break
        else:
            break
    return spans
