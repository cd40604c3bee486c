"""PURE: fenced code blocks (CommonMark 0.31, section 4.5) as language models write them.

Beyond the specification: a fence may open at the end of a line of text, a fence that is never
closed ends where prose begins again, and a Markdown listing may hold listings of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEAD = r"[ \t]*+(?:>[ \t]*+)*+(?:(?:[-*+•]|\d{1,3}[.)])[ \t]++)?+"
LEADING = re.compile(rf"({LEAD})(`{{3,}}(?!`)|~{{3,}}(?!~))([^`\n]*)$")
TRAILING = re.compile(r"([^`~]*[^\s`~])(`{3,}|~{3,})([\w+-]*)[ \t]*$")
NESTING = {"markdown", "md", "mdx", "text", "txt", "plaintext"}
MATH_OR_MARKUP = re.compile(r"\\boxed|\\\[|\\\(|\$|\*\*|##|<|第|步骤")
SENTENCE = re.compile(r"[\"“(]?(?:I|A|[A-Z][a-z’']+),?\s+(?:[a-z’']+|\$|\\\(|[\dA-Z]\b|[A-Z][a-z]+\s+[a-z]+)")
CODE = re.compile(r"[;{]\s*$|^\w+\s*=[^=]|^\w[\w.]*\(")
IDEOGRAPH = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯]")


@dataclass(frozen=True, slots=True)
class Fence:
    start: int
    end: int
    is_closed: bool


@dataclass(frozen=True, slots=True)
class FenceLine:
    """A line with a run of at least three backticks or tildes that can open or close a block."""

    start: int
    end: int
    indent: int
    marker: str
    info: str
    is_leading: bool

    def closes(self, opening: FenceLine) -> bool:
        same = self.marker.startswith(opening.marker)
        return same and self.is_leading and not self.info and self.indent < opening.indent + 4

    def reopens(self, opening: FenceLine) -> bool:
        same = self.marker.startswith(opening.marker)
        return same and self.is_leading and bool(self.info) and self.indent < opening.indent + 4


def find_fences(text: str, barrier: int | None = None) -> list[Fence]:
    """Code blocks in order, without overlaps. No block reaches across the offset `barrier`."""
    if "```" not in text and "~~~" not in text:
        return []
    lines = _list_fence_lines(text)
    longest = _longest_closers(lines)
    fences: list[Fence] = []
    index = 0
    while index < len(lines):
        fence, index = _read_fence(text, lines, index, longest[index], barrier)
        if fence is not None:
            fences.append(fence)
    return fences


def is_prose(line: str) -> bool:
    """Whether a line without indentation reads as a sentence, a formula or a heading, not as code."""
    if not line or line[0].isspace():
        return False
    if MATH_OR_MARKUP.match(line) or IDEOGRAPH.match(line):
        return True
    return bool(SENTENCE.match(line)) and not CODE.search(line)


def find_prose_end(text: str, start: int, end: int) -> int:
    """Where code that begins at `start` and is never closed gives way to prose, `end` at the latest:
    at a blank line that a line of prose follows."""
    offset, was_blank = start, False
    for line in text[start:end].split("\n"):
        if was_blank and is_prose(line):
            return offset
        was_blank = not line.strip()
        offset += len(line) + 1
    return end


def _list_fence_lines(text: str) -> list[FenceLine]:
    lines: list[FenceLine] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if "```" in line or "~~~" in line:
            if match := LEADING.match(line):
                indent = len(match[1].expandtabs(4))
                lines.append(FenceLine(start, end, indent, match[2], match[3].strip(), True))
            elif match := TRAILING.match(line):
                lines.append(FenceLine(start, end, 0, match[2], match[3], False))
        start = end + 1
    return lines


def _longest_closers(lines: list[FenceLine]) -> list[dict[str, int]]:
    """For each line, the longest closing run behind it, by its character: what tells in one look
    that a block is never closed."""
    longest = {"`": 0, "~": 0}
    behind: list[dict[str, int]] = []
    for line in reversed(lines):
        behind.append(longest)
        if not line.info:
            longest = {**longest, line.marker[0]: max(longest[line.marker[0]], len(line.marker))}
    return behind[::-1]


def _read_fence(
    text: str, lines: list[FenceLine], index: int, longest: dict[str, int], barrier: int | None
) -> tuple[Fence | None, int]:
    """The block that opens on line `index`, and the line to go on with."""
    opening = lines[index]
    start = opening.start if opening.is_leading else opening.end - len(opening.marker) - len(opening.info)
    closing = None
    if longest[opening.marker[0]] >= len(opening.marker):
        closing = _find_closing(lines, index)
    if closing is not None:
        end = lines[closing].end
        if barrier is None or not start < barrier < end:
            return Fence(start, end, True), closing + 1
    if not opening.is_leading:
        return None, index + 1
    following = lines[index + 1].start if index + 1 < len(lines) else len(text)
    if barrier is not None and start < barrier:
        following = min(following, barrier)
    return Fence(start, find_prose_end(text, start, following), False), index + 1


def _find_closing(lines: list[FenceLine], index: int) -> int | None:
    opening = lines[index]
    nests = opening.info.split(" ")[0].lower() in NESTING
    depth, lenient, last = 1, None, None
    for number in range(index + 1, len(lines)):
        line = lines[number]
        if line.closes(opening):
            depth, last = depth - 1, number
            if depth == 0:
                return number
        elif line.reopens(opening) and nests:
            depth += 1
        elif line.reopens(opening):
            return lenient
        elif lenient is None and not line.is_leading and not line.info and line.marker == opening.marker:
            lenient = number
    return last if last is not None else lenient
