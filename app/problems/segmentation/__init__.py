"""PURE: free text cut into steps. By default a line is a step, as in GSM8K's solutions and
PRM800K's. Models that write paragraphs are cut at blank lines, lists at their numbers, and prose at
the ends of sentences.

- No cut falls inside a formula, a code block, a drawing or a table.
- No step holds both thinking and final text.
- Nothing is lost: the joined steps hold every visible character of the text, in order.
- The work grows linearly with the length of the text."""

from __future__ import annotations

import re

from app.problems.segmentation.modes import MODES, read_layout
from app.problems.segmentation.pieces import iter_steps
from app.problems.segmentation.thinking import split_thinking
from app.problems.segmentation.visible import is_visible_text

__all__ = ["SEGMENTATIONS", "is_visible_text", "segment", "split_thinking", "without_calculator"]

SEGMENTATIONS = {name: mode.title for name, mode in MODES.items()}
CALCULATOR = re.compile(r"<<[^<>\n]*>>")


def segment(text: str, segmentation: str = "line") -> list[str]:
    """Steps of `text`, none of them empty. `segmentation` is one of SEGMENTATIONS."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    mode = MODES[segmentation]
    steps: list[str] = []
    for part in split_thinking(text):
        steps.extend(iter_steps(read_layout(text[part.start : part.end]), mode))
    return steps


def without_calculator(text: str) -> str:
    """Text without GSM8K's calculator marks (`<<48/2=24>>24`). They are for a tool, not for a reader,
    and the result stands behind each of them."""
    return CALCULATOR.sub("", text)
