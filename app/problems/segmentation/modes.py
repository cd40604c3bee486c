"""PURE: the offsets at which each segmentation cuts a text, none of them inside something whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.problems.segmentation.blocks import attach_to_items, find_blocks, find_inline_code
from app.problems.segmentation.formulas import find_formulas
from app.problems.segmentation.numbered import cut_at_numbers
from app.problems.segmentation.sentences import cut_at_sentences
from app.problems.segmentation.spans import Span, exclude_inside, merge_spans

LINE_END = re.compile("\n")
BLANK_LINES = re.compile(r"\n(?:(?:[^\S\n]|[\u00ad\u200b-\u200f\u2060\ufeff])*+\n)++")


@dataclass(frozen=True, slots=True)
class Layout:
    """A text with the spans that are never cut."""

    text: str
    blocks: list[Span]
    formulas: list[Span]
    protected: list[Span]
    """Blocks, formulas and inline code, ascending and disjoint."""


def read_layout(text: str) -> Layout:
    blocks = find_blocks(text)
    inline = find_inline_code(text, blocks)
    formulas = find_formulas(text, merge_spans([*blocks, *inline]))
    return Layout(text, blocks, formulas, merge_spans([*attach_to_items(text, blocks), *inline, *formulas]))


def _cut_lines(layout: Layout) -> list[int]:
    ends = (match.end() for match in LINE_END.finditer(layout.text))
    return exclude_inside(ends, layout.protected)


def _cut_blank(layout: Layout) -> list[int]:
    ends = (match.end() for match in BLANK_LINES.finditer(layout.text))
    return exclude_inside(ends, layout.protected)


def _cut_numbered(layout: Layout) -> list[int]:
    return cut_at_numbers(layout.text, layout.protected)


def _cut_sentences(layout: Layout) -> list[int]:
    return cut_at_sentences(layout.text, layout.protected, layout.formulas, layout.blocks)


@dataclass(frozen=True, slots=True)
class Mode:
    title: str
    cut: Callable[[Layout], list[int]]
    joins_headings: bool = False
    """Whether a heading or a horizontal rule alone joins its neighbor, because nobody can rate it."""


MODES = {
    "line": Mode("one step per line", _cut_lines),
    "blank": Mode("paragraphs (blank lines)", _cut_blank),
    "numbered": Mode("numbered steps (1., Step 1:)", _cut_numbered, True),
    "sentence": Mode("one step per sentence", _cut_sentences, True),
    "model_output": Mode("model output (paragraphs with their headings)", _cut_blank, True),
}
