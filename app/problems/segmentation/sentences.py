"""PURE: cuts at the ends of sentences, in Latin, Cyrillic, Chinese, Japanese and Arabic punctuation.

A period ends a sentence where something that can begin one follows, unless it belongs to an
abbreviation, an initial, a decimal or the number of a list item."""

from __future__ import annotations

import re

from app.problems.segmentation.blocks import iter_lines
from app.problems.segmentation.markers import parse_marker
from app.problems.segmentation.spans import Span, exclude_inside

CLOSERS = "\"'”’)\\]*_」』）】》"
END = re.compile(
    rf"(?<![.!?؟۔।])(?P<latin>[.!?؟۔।]++|…)[{CLOSERS}]*+(?=\s|[぀-ヿ㐀-鿿])|(?P<wide>[。！？｡]+|．(?!\d))[{CLOSERS}]*"
    r"|(?P<blank>\n[^\S\n]*\n)"
)
FORMULA_END = re.compile(r"[.!?。]\s*(?:\\end\{[^{}]*\}\s*)*(?:\\\]|\\\)|\$\$?|\\end\{[^{}]*\})$")
QUOTED_ON = re.compile(r"[。とってで、，,；;：:）)」』]")
NEVER_LAST = re.compile(
    r"\b(?:e\.g|i\.e|cf|vs|resp|approx|ca|al|figs?|eqs?|eqns?|mr|mrs|ms|dr|st|prof|rev|gen|thm|lem|prop|cor"
    r"|def|sect?|ch|ref|vol|pp|nr|viz|w\.r\.t|w\.l\.o\.g|s\.t|a\.k\.a|bzw|z\.b|d\.h)\.$",
    re.I,
)
BEFORE_NUMBER = re.compile(
    r"\b(?:no|nos|etc|inc|ltd|co|ft|in|lb|lbs|oz|hr|hrs|min|mins|secs|yd|mi|pt|qt|gal|ex"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.I,
)
INITIAL = re.compile(r"(?:\b(?:jr|sr)|\b(?:[a-z]\.)+[a-z]|\b(?-i:[A-Z]))\.$", re.I)
STARTER = re.compile(
    r"(?:The|Then|So|Thus|Hence|Since|Therefore|Let|If|It|This|That|These|Those|There|In|For|As|And|But|Or"
    r"|Now|By|Next|When|Where|To|On|Because|Note|Also|Finally|First|Second|Third|We|You|He|She|They|I|Our"
    r"|His|Her|Their|Each|Every|All|An?|Using|Given|From|With|After|Similarly|However|What|How|Suppose|Draw"
    r"|Consider|Substituting|Solving|Step|One|Two|At|Find|Call|Denote|Clearly|Otherwise)\b"
)
LABEL = re.compile(
    r"(?:^|\n)[ \t>#*_+-]*(?:[(（]?\d{1,3}[)）]?|(?:step|case|part|theorem|lemma|claim|proposition"
    r"|corollary|definition|remark|problem|question|solution|proof|answer|example|figure|table|method|note"
    r"|hint|exercise|section)(?:[ \t]+[\dIVX]{1,4}[a-z]?)?|(?<=\*\*)[A-Za-z ]{1,20}(?=\.\*\*))\.[*_]*$",
    re.I,
)
BULLET = re.compile(r"[ \t]*(?:>[ \t]?)*[-*+•][ \t]+[^\s\d=(]")
VARIABLE = re.compile(r"[a-zα-ω](?:\s*[=<>≤≥]|_)")
OPENERS = "\"'“‘(（[「『*_"
WINDOW = 40


def cut_at_sentences(text: str, protected: list[Span], formulas: list[Span], blocks: list[Span]) -> list[int]:
    """Offsets behind sentences, at both edges of blocks, and before list items and headings."""
    cuts = {match.end() for match in END.finditer(text) if _is_end(text, match)}
    cuts.update(end for start, end in formulas if _formula_ends_sentence(text, start, end))
    cuts.update(start for start, line in iter_lines(text) if _begins_item(start, line))
    for start, end in blocks:
        cuts.update({start} if text[start - 1 : start] == "\n" else set())
        following = text[end : end + WINDOW]
        is_last = following[:1] == "\n" or (following[:1] == " " and _begins_sentence(following))
        cuts.update({end} if is_last else set())
    return exclude_inside(sorted(cuts), protected)


def _is_end(text: str, match: re.Match[str]) -> bool:
    if match["blank"]:
        return True
    following = text[match.end() : match.end() + WINDOW]
    if match["wide"]:
        return not QUOTED_ON.match(following)
    if not following.strip():
        return True
    mark = match["latin"]
    before = text[max(0, match.start() - WINDOW) : match.start() + 1]
    if mark == "." and LABEL.search(before + text[match.start() + 1 : match.end()]):
        return False
    if not _begins_sentence(following):
        return False
    first_words = following.lstrip().lstrip(OPENERS)
    if mark in ("…", "..", "..."):
        return first_words[:1].isupper()
    if mark != ".":
        return True
    return not _is_abbreviation(before, first_words)


def _is_abbreviation(before: str, first_words: str) -> bool:
    """Whether the period that `before` ends with belongs to an abbreviation, given what follows."""
    if NEVER_LAST.search(before):
        return True
    if BEFORE_NUMBER.search(before):
        return first_words[:1].isdigit() or first_words[:1] in "$\\"
    return bool(INITIAL.search(before)) and not STARTER.match(first_words)


def _begins_sentence(following: str) -> bool:
    blank = following[: len(following) - len(following.lstrip())]
    first_words = following.lstrip().lstrip(OPENERS)
    first = first_words[:1]
    if first in ("-", "+", "•", "|"):
        return "\n" in blank
    is_letter = first.isalpha() and not first.islower()
    return is_letter or first.isdigit() or first in "\\$#<`①②③④⑤" or bool(VARIABLE.match(first_words))


def _formula_ends_sentence(text: str, start: int, end: int) -> bool:
    following = text[end : end + WINDOW]
    is_display = text[end - 2 : end] in ("\\]", "$$") or text[end - 1] == "}"
    is_last = following[:1].isspace() or (is_display and following[:1].isupper())
    return (
        is_last
        and _begins_sentence(following)
        and bool(FORMULA_END.search(text[max(start, end - 2 * WINDOW) : end]))
    )


def _begins_item(start: int, line: str) -> bool:
    if not start:
        return False
    if BULLET.match(line):
        return True
    marker = parse_marker(start, line)
    return marker is not None and marker.is_delimited
