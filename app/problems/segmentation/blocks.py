"""PURE: code blocks, tables and drawings, which are never cut.

Markdown tables follow GFM, with at least one bar in each row; tables drawn with lines count too.
LaTeX tables are environments and belong to formulas.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from app.problems.segmentation.fences import find_fences, find_prose_end, is_prose
from app.problems.segmentation.spans import Span, exclude_matches, merge_spans, pair_delimiters

DRAWING = re.compile(r"\[(?:(?P<open>asy)|/(?P<close>asy))\]", re.I)
MARKUP = re.compile(r"<(?:(?P<open>table|svg|pre)(?:\s[^<>\n]*)?|/(?P<close>table|svg|pre)\s*)>", re.I)
RAW = "verbatim|Verbatim|lstlisting|minted|asy|tikzpicture|alltt"
LISTING = re.compile(rf"\\(?:begin\{{(?P<open>{RAW})\}}|end\{{(?P<close>{RAW})\}})")
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)[^`\n]+\1(?!`)")
LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\(?\d{1,3}[.)、．])[ \t]+")
CELL_RULE = re.compile(r":?-+:?")
GRID_ROW = re.compile(r"\s*(?:\|.*\||\+[-=+:]+\+|[┌├└│╔╠╚║┃╭╰].*)\s*$")
GRID_RULE = re.compile(r"\s*(?:\+[-=+:]{2,}\+|[┌├└╔╠╚╭╰][─━═┬┼┴╦╬╩┐┤┘╗╣╝╮╯]+)\s*$")
TAB_WIDTH = 4


def find_blocks(text: str, barrier: int | None = None) -> list[Span]:
    """Spans of fenced and indented code, listings, drawings and tables, ascending and disjoint.
    No fence reaches across the offset `barrier`."""
    spans = [(fence.start, fence.end) for fence in find_fences(text, barrier)]
    spans += pair_delimiters(text, LISTING) if "\\begin{" in text else []
    spans += _find_drawings(text) if "asy]" in text.lower() else []
    spans += pair_delimiters(text, MARKUP) if "</" in text else []
    spans = merge_spans(spans)
    if "    " in text or "\t" in text:
        spans = merge_spans([*spans, *_find_indented_code(text, spans)])
    if any(mark in text for mark in "|+│─═"):
        spans = merge_spans([*spans, *_find_tables(text)])
    return spans


def attach_to_items(text: str, blocks: list[Span]) -> list[Span]:
    """The blocks, those indented directly below a list item with the line break before them: they
    belong to the item."""
    return [(start - _is_below_item(text, start), end) for start, end in blocks]


def _is_below_item(text: str, start: int) -> bool:
    if start < 2 or text[start - 1] != "\n" or text[start : start + 2].strip():
        return False
    item = LIST_ITEM.match(text, text.rfind("\n", 0, start - 1) + 1, start - 1)
    return item is not None and not text[start : start + len(item[0])].strip(" \t")


def find_inline_code(text: str, blocks: list[Span]) -> list[Span]:
    """Spans of code between backticks within a line, outside the blocks."""
    if "`" not in text:
        return []
    return [match.span() for match in exclude_matches(INLINE_CODE.finditer(text), blocks)]


def _find_drawings(text: str) -> list[Span]:
    """`[asy]` to `[/asy]`; a drawing that is never closed ends where prose begins again."""
    spans = pair_delimiters(text, DRAWING)
    last = spans[-1][1] if spans else 0
    for match in DRAWING.finditer(text, last):
        if match["open"]:
            return [*spans, (match.start(), find_prose_end(text, match.start(), len(text)))]
    return spans


def iter_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with the offset it starts at, without its line break."""
    offset = 0
    for line in text.split("\n"):
        yield offset, line
        offset += len(line) + 1


def _indent(line: str) -> int:
    lead = line[: len(line) - len(line.lstrip())]
    return len(lead.expandtabs(TAB_WIDTH))


def _find_indented_code(text: str, blocks: list[Span]) -> list[Span]:
    """Lines behind a blank line that are indented by four columns more than the text or list item
    they belong to, unless all of them read as prose or as list items."""
    lines = list(iter_lines(text))
    margin = min((_indent(line) for _, line in lines if line.strip()), default=0)
    base, was_blank, run, spans = margin, True, [], []  # type: int, bool, list[tuple[int, str]], list[Span]
    outside = _outside(blocks)
    for start, line in [*lines, (len(text), "")]:
        is_blank = not line.strip()
        is_code = not is_blank and _indent(line) >= base + 4 and outside(start)
        if is_code and (run or (was_blank and not LIST_ITEM.match(line))):
            run.append((start, line))
        elif not is_blank or start == len(text):
            spans += _code_span(run)
            run = []
        if not is_blank and not run:
            base = _list_base(line, base, margin, was_blank)
        was_blank = is_blank
    return spans


def _outside(spans: list[Span]) -> Callable[[int], bool]:
    """A test for ascending offsets: whether an offset lies in none of the spans."""
    position = 0

    def is_outside(offset: int) -> bool:
        nonlocal position
        while position < len(spans) and spans[position][1] <= offset:
            position += 1
        return position == len(spans) or offset < spans[position][0]

    return is_outside


def _code_span(run: list[tuple[int, str]]) -> list[Span]:
    if not run or all(is_prose(line.strip()) or LIST_ITEM.match(line) for _, line in run):
        return []
    start, line = run[-1]
    return [(run[0][0], start + len(line))]


def _list_base(line: str, base: int, margin: int, was_blank: bool) -> int:
    """The column that indentation counts from behind this line: the content of a list item, or the
    margin once an unindented paragraph has ended the list."""
    if match := LIST_ITEM.match(line):
        return len(match[0].expandtabs(TAB_WIDTH))
    return margin if was_blank and _indent(line) < base else base


def _find_tables(text: str) -> list[Span]:
    lines = list(iter_lines(text))
    spans: list[Span] = []
    index = 0
    while index < len(lines):
        end = _table_end(lines, index)
        if end > index:
            start, line = lines[end - 1]
            spans.append((lines[index][0], start + len(line)))
        index = max(end, index + 1)
    return spans


def _table_end(lines: list[tuple[int, str]], index: int) -> int:
    """The index behind the table that starts at `index`; `index` itself if there is none."""
    following = lines[index + 1][1] if index + 1 < len(lines) else ""
    end = index
    if "|" in lines[index][1] and _is_delimiter_row(following):
        end = index + 2
        while end < len(lines) and "|" in lines[end][1]:
            end += 1
    elif GRID_RULE.match(lines[index][1]):
        while end < len(lines) and GRID_ROW.match(lines[end][1]):
            end += 1
        end = end if end > index + 1 else index
    return end


def _is_delimiter_row(line: str) -> bool:
    row = line.strip(" \t>")
    if "|" not in row or "-" not in row or not set(row) <= set("|:- \t"):
        return False
    cells = row.strip("|").split("|")
    return all(CELL_RULE.fullmatch(cell.strip()) for cell in cells)
