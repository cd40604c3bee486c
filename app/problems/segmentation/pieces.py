"""PURE: steps out of cuts: what cannot be rated by itself joins its neighbor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise

from app.problems.segmentation.markers import is_bare_heading
from app.problems.segmentation.modes import Layout, Mode
from app.problems.segmentation.spans import Span
from app.problems.segmentation.thinking import BARE_TAGS, TAG
from app.problems.segmentation.visible import is_visible_text

RULE = re.compile(r"(?:-[ \t]*+){3,}|(?:\*[ \t]*+){3,}|(?:_[ \t]*+){3,}")
LONGEST_LONE = 200
"""Characters of a piece that may be a heading, a rule or a tag."""


class Lean(Enum):
    """Where a piece belongs."""

    ALONE = "alone"
    NEXT = "next"
    PREVIOUS = "previous"


def iter_steps(layout: Layout, mode: Mode) -> Iterator[str]:
    """The steps of one part of a text, without blanks around them."""
    code_starts = {start for start, _ in layout.blocks}
    for start, end in _join_pieces(layout, mode):
        yield _strip(layout.text, start, end, code_starts)


def _join_pieces(layout: Layout, mode: Mode) -> list[Span]:
    steps: list[Span] = []
    waiting: int | None = None
    for start, end in pairwise([0, *mode.cut(layout), len(layout.text)]):
        lean = _find_lean(layout.text[start:end], mode)
        if lean is Lean.PREVIOUS and steps and waiting is None:
            steps[-1] = (steps[-1][0], end)
        elif lean is Lean.ALONE:
            steps.append((start if waiting is None else waiting, end))
            waiting = None
        elif waiting is None:
            waiting = start
    if waiting is not None:
        rest = layout.text[waiting:]
        if is_visible_text(rest) and not (steps and BARE_TAGS.fullmatch(rest)):
            steps.append((waiting, len(layout.text)))
        elif steps:
            steps[-1] = (steps[-1][0], len(layout.text))
    return steps


def _find_lean(piece: str, mode: Mode) -> Lean:
    text = piece.strip()
    if len(text) > LONGEST_LONE:
        return Lean.ALONE if is_visible_text(text) else Lean.PREVIOUS
    if not is_visible_text(text):
        return Lean.PREVIOUS
    if BARE_TAGS.fullmatch(text):
        return Lean.NEXT if list(TAG.finditer(text))[-1]["open"] else Lean.PREVIOUS
    if mode.joins_headings and is_bare_heading(text):
        return Lean.NEXT
    return Lean.PREVIOUS if mode.joins_headings and RULE.fullmatch(text) else Lean.ALONE


def _strip(text: str, start: int, end: int, code_starts: set[int]) -> str:
    """A step without blanks around it, except the indentation of code that has no fence."""
    step = text[start:end].rstrip()
    content = step.lstrip()
    first_line = start + step.rfind("\n", 0, len(step) - len(content)) + 1
    if first_line in code_starts and content[:1] not in "`~-*+>[<|\\":
        return text[first_line : start + len(step)]
    return content
