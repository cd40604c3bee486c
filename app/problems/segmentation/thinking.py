"""PURE: the thinking of a reasoning model apart from its final answer.

The tags are those of app/answers/thinking.py. Tags inside code are text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from app.answers.thinking import CLOSING, OPENING
from app.problems.segmentation.blocks import find_blocks, find_inline_code
from app.problems.segmentation.spans import exclude_matches, merge_spans

OPEN, CLOSE = OPENING.pattern, CLOSING.pattern
TAG = re.compile(rf"(?P<open>{OPEN})|(?P<close>{CLOSE})", re.I)
OPEN_LINE = re.compile(rf"^[ \t]*(?:{OPEN})", re.M | re.I)
CLOSE_LINE = re.compile(rf"^[ \t]*(?:{CLOSE})[ \t]*$", re.M | re.I)
BARE_TAGS = re.compile(rf"(?:\s*(?:{OPEN}|{CLOSE}))+\s*", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """The text from `start` to `end`; a thinking part includes its tags."""

    start: int
    end: int
    is_thinking: bool
    is_closed: bool = True
    """False for thinking that the text ends in."""


def split_thinking(text: str) -> list[Part]:
    """Parts that together cover `text`, thinking and final parts apart.

    - Thinking that is never closed reaches to the end, if its tag begins a line.
    - A closing tag without an opening one ends thinking that began with the text, because many
      prompts already hold the opening tag; a later one counts if it stands alone on a line.
    - Tags of different names close each other, and a doubled opening tag counts once."""
    tags = find_tags(text)
    parts: list[Part] = []
    for part in _list_thinking(text, tags):
        if parts and part.start < parts[-1].end:
            parts[-1] = replace(parts[-1], end=part.end, is_closed=part.is_closed)
        else:
            parts.append(part)
    # a model that was told not to think writes empty tags
    return _fill(text, [part for part in parts if not BARE_TAGS.fullmatch(text, part.start, part.end)])


def has_thinking(text: str) -> bool:
    return any(part.is_thinking for part in split_thinking(text))


def find_tags(text: str) -> list[re.Match[str]]:
    """The thinking tags of a text, except those inside code."""
    if not TAG.search(text):
        return []
    blocks = find_blocks(text, find_barrier(text))
    raw = merge_spans([*blocks, *find_inline_code(text, blocks)])
    return exclude_matches(TAG.finditer(text), raw)


def find_barrier(text: str) -> int | None:
    """The offset of a closing tag that no code block may swallow: the only one that stands alone on a
    line, in a text with an opening tag before it."""
    opening = OPEN_LINE.search(text)
    closings = list(CLOSE_LINE.finditer(text))
    if len(closings) != 1 or opening is None or opening.start() > closings[0].start():
        return None
    return closings[0].start()


def _list_thinking(text: str, tags: list[re.Match[str]]) -> list[Part]:
    """Thinking parts in order; a later one may begin before the earlier one ends."""
    parts: list[Part] = []
    start, nested = None, 0
    for tag in tags:
        if tag["open"]:
            start, nested = (tag.start(), 0) if start is None else (start, nested + 1)
        elif start is not None:
            parts.append(Part(start, tag.end(), True))
            start = None
        elif nested > 0 or _ends_thinking(text, tag, is_first=not parts):
            nested -= 1
            parts.append(Part(parts[-1].start if parts else 0, tag.end(), True))
    if start is not None and OPEN_LINE.match(_line_of(text, tags[-1 - nested])):
        parts.append(Part(start, len(text), True, is_closed=False))
    return parts


def _ends_thinking(text: str, tag: re.Match[str], is_first: bool) -> bool:
    """Whether a closing tag without an opening one is more than a mention of the tag."""
    line = _line_of(text, tag)
    if CLOSE_LINE.fullmatch(line):
        return True
    return is_first and (line.lstrip().startswith(tag[0]) or line.rstrip().endswith(tag[0]))


def _line_of(text: str, tag: re.Match[str]) -> str:
    """The line of a tag, as far as it matters: the characters around it."""
    start = text.rfind("\n", max(0, tag.start() - 100), tag.start()) + 1 or max(0, tag.start() - 100)
    end = text.find("\n", tag.end(), tag.end() + 100)
    return text[start : end if end >= 0 else tag.end() + 100]


def _fill(text: str, thinking: list[Part]) -> list[Part]:
    """The thinking parts with the final parts between them."""
    parts: list[Part] = []
    position = 0
    for part in thinking:
        if text[position : part.start].strip():
            parts.append(Part(position, part.start, False))
            position = part.start
        parts.append(replace(part, start=position))
        position = part.end
    if text[position:].strip() or not parts:
        parts.append(Part(position, len(text), False))
    elif position < len(text):
        parts[-1] = replace(parts[-1], end=len(text))
    return parts
