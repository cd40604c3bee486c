"""PURE: free text cut into steps. By default a line is a step, as in GSM8K's solutions and
PRM800K's; models that write paragraphs are cut at blank lines, lists at their numbers, and
prose at the ends of sentences.

No cut falls inside mathematics ($$..$$, \\[..\\], \\(..\\), \\begin..\\end, ```) and none loses
text: joined by whitespace, the steps are the text again, whitespace apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

SEGMENTATIONS = {
    "line": "one step a line",
    "blank": "a blank line between steps",
    "numbered": "numbered steps (1. 2. 3., Step 1:)",
    "sentence": "one step a sentence",
}

NUMBERED = re.compile(
    r"^[ \t]*(?:\*\*|#+[ \t]*)?(?:Step[ \t]+\d{1,3}\b[.:)]?|\d{1,3}[.)](?=[ \t*]))", re.M | re.I
)
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*(?=\s+[\"'“(\[]?(?:[A-Z\\$#]|\d))|\n[ \t]*\n")
ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|approx|resp|no|nos|fig|eq|eqs|mr|mrs|ms|dr|st|prof|jr|sr|inc|ft|in|lb|oz"
    r"|hr|hrs|min|sec|a\.m|p\.m)|\b(?-i:[A-Z])|^\s*\d{1,3})\.$",
    re.I | re.M,
)
PROTECTED = re.compile(
    r"```.*?```|\$\$.*?\$\$|\\\[.*?\\\]|\\\(.*?\\\)|\\begin\{([a-zA-Z]+\*?)\}.*?\\end\{\1\}"
    r"|(?<!\\)\$(?=\S)[^$\n]*?(?<=\S)\$(?!\d)",
    re.S,
)
CALCULATOR = re.compile(r"<<[^<>\n]*>>")


def segment(text: str, how: str = "line") -> list[str]:
    """Steps of `text`, none of them empty. `how` is one of SEGMENTATIONS."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cuts = CUTTERS[how](text, _protected(text))
    edges = [0, *cuts, len(text)]
    pieces = (text[a:b].strip() for a, b in pairwise(edges))
    return [piece for piece in pieces if piece]


def without_calculator(text: str) -> str:
    """GSM8K's calculator marks (`<<48/2=24>>24`) are for a tool, not for a reader; the
    result stands behind each of them, so nothing is lost by leaving them out."""
    return CALCULATOR.sub("", text)


def _protected(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in PROTECTED.finditer(text)]


def _lines(text: str, protected: list[tuple[int, int]]) -> list[int]:
    return _outside([found.end() for found in re.finditer("\n", text)], protected)


def _blank(text: str, protected: list[tuple[int, int]]) -> list[int]:
    return _outside([found.end() for found in re.finditer(r"\n[ \t]*\n\s*", text)], protected)


def _numbered(text: str, protected: list[tuple[int, int]]) -> list[int]:
    """Before each number; what leads up to the first is a step of its own."""
    return _outside([found.start() for found in NUMBERED.finditer(text)], protected)


def _sentences(text: str, protected: list[tuple[int, int]]) -> list[int]:
    ends = []
    for found in SENTENCE_END.finditer(text):
        end = found.end()
        before = text[max(0, end - 24) : found.start() + 1]
        if text[found.start()] != "." or not ABBREVIATION.search(before):
            ends.append(end)
    return _outside(ends, protected)


def _outside(cuts: list[int], protected: list[tuple[int, int]]) -> list[int]:
    """Both ascend, so one walk over each is enough, however long the text."""
    kept, at = [], 0
    for cut in cuts:
        while at < len(protected) and protected[at][1] <= cut:
            at += 1
        if at == len(protected) or cut <= protected[at][0]:
            kept.append(cut)
    return kept


CUTTERS: dict[str, Callable[[str, list[tuple[int, int]]], list[int]]] = {
    "line": _lines,
    "blank": _blank,
    "numbered": _numbered,
    "sentence": _sentences,
}
