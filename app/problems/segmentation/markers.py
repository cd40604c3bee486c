"""PURE: lines that begin a numbered step, a list item or a section."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from app.problems.segmentation.blocks import TAB_WIDTH

NUMERAL = r"(?:\d{1,3}|[０-９]{1,3}|[一二三四五六七八九十百]{1,4})"
WORDED = r"(?:step|stage|schritt|paso|passo|[ée]tape|шаг|步骤|步驟|ステップ|手順|단계)"
ROMAN = r"(?:[ivx]{1,4})"
ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
COUNT_WORD = r"(?:one|two|three|four|five|six|seven|eight|nine|ten)"
LEAD = r"(?P<indent>[ \t]*+(?:>[ \t]*+)*+)(?P<bullet>[-*+•][ \t]+)?(?P<heading>#{1,6}[ \t]*+)?[*_]{0,3}"
NAMED_STEP = (
    rf"{WORDED}[ \t#]*(?:{NUMERAL}|{COUNT_WORD}|{ROMAN})(?![A-Za-z\d])|第[ \t]*{NUMERAL}[ \t]*步"
    rf"|\d{{1,3}}[ \t]*단계|(?:the[ \t]+)?{ORDINAL}[ \t]+step(?=[ \t]*[:：*])"
)
STEP = re.compile(
    rf"{LEAD}(?P<step>{NAMED_STEP})"
    r"(?P<after>[*_]{0,3}[ \t]*(?:[.:)：、．。—–-]|$)|[*_]{1,3})?",
    re.I,
)
REFERENCE = r"(?!\s*(?:[-+=,;)]|and\b|gives?\b|to\b|with\b))"
BEHIND = r"(?=[ \t*_$\\]|[^\W\d_a-z])"
NUMBER = re.compile(
    rf"{LEAD}(?:(?P<dot>\d{{1,3}}\\?\.{BEHIND})|(?P<paren>\d{{1,3}}\){BEHIND})"
    rf"|(?P<pair>[(（][ \t]*(?:{NUMERAL}|{ROMAN})[ \t]*[)）]{REFERENCE})|(?P<comma>{NUMERAL}[、．])"
    r"|(?P<circle>[①-⑳]))"
)
HEADING = re.compile(r"[ \t]*(?:>[ \t]?)*(?P<heading>#{1,6})[ \t]+\S")
BOLD_LINE = re.compile(r"[ \t]*(?:\*\*|__)[^*_\n=$\\\d.!?。！？]{2,80}(?:\*\*|__)[ \t]*[:：]?[ \t]*$")
LIST_ITEM = re.compile(r"[ \t]*(?:>[ \t]?)*(?:[-*+•][ \t]+\S|\(?\d{1,3}[.)][ \t]+\S)")
ANSWER_LINE = re.compile(r"#{2,6}[ \t]+-?[\d$\\(]")
BOLD_STEP = re.compile(r"[ \t]*(\*\*|__)[^*_\n]{1,80}\1[ \t]*[:：]?$")
BOLD_LEVEL = 7
CHINESE = {character: value for value, character in enumerate("一二三四五六七八九", 1)}
COUNTED = (
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"),
)


@dataclass(frozen=True, slots=True)
class Marker:
    """What begins at the offset `start`: a step ("Step 2"), a number of a list, or a heading."""

    start: int
    kind: str
    """`step`, `heading`, or the style of a list's numbers: `dot`, `paren`, `pair` and so on."""
    number: int | None
    indent: int
    level: int
    """Of a heading: 1 to 6, and 7 for a bold line. 0 for all else."""
    is_delimited: bool = True
    """False for "Step 2" without punctuation, which may begin a sentence."""


def parse_marker(start: int, line: str) -> Marker | None:
    """The marker that a line begins with."""
    if match := STEP.match(line):
        return _marker(start, "step", match["step"], match, match["after"] is not None)
    if match := NUMBER.match(line):
        kind = next(name for name in ("dot", "paren", "pair", "comma", "circle") if match[name])
        return _marker(start, kind, match[kind], match, True)
    if match := HEADING.match(line):
        return Marker(start, "heading", None, 0, len(match["heading"]))
    if BOLD_LINE.match(line):
        return Marker(start, "heading", None, 0, BOLD_LEVEL)
    return None


def is_bare_heading(text: str) -> bool:
    """Whether a text is one heading or bold line and nothing else. GSM8K's `#### 42` is an answer."""
    line = text.strip()
    if "\n" in line or ANSWER_LINE.match(line):
        return False
    is_bold_step = BOLD_STEP.match(line) and STEP.match(line)
    return bool(HEADING.match(line) or BOLD_LINE.match(line) or is_bold_step)


def parse_numeral(text: str) -> int | None:
    """The number in "Step 12", "第三步", "（４）" or "⑤"; None where there is none."""
    for word in re.findall(r"[a-z]+", text.lower()):
        for counted in COUNTED:
            if word in counted:
                return counted.index(word) + 1
    if digits := re.search(r"\d+", unicodedata.normalize("NFKC", text)):
        return int(digits[0])
    if not (characters := re.search(r"[一二三四五六七八九十]+", text)):
        return None
    tens, separator, ones = characters[0].rpartition("十")
    value = CHINESE.get(ones[-1:], 0)
    return value + 10 * CHINESE.get(tens[-1:], 1) if separator else value


def _marker(start: int, kind: str, text: str, match: re.Match[str], is_delimited: bool) -> Marker:
    indent = len(match["indent"].expandtabs(TAB_WIDTH))
    level = len((match["heading"] or "").strip())
    return Marker(start, kind, parse_numeral(text), indent, level, is_delimited)
