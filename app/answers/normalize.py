"""PURE: one spelling for an answer, with its meaning untouched: characters, dollars, boxes, spacing
commands, thousands separators, fractions, ASCII operators. Structure is read from it afterwards
(structure.py)."""

from __future__ import annotations

import re

from app.answers.characters import plain_characters

LONGEST = 1000
DEEPEST = 40

TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|texttt|textsf|textnormal|mbox|hbox|mathrm|mathbf|mathit|mathsf|boldsymbol"
    r"|bold|rm|operatorname)\*?\s*\{([^{}]*)\}"
)
SIZE = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|rm|bf)(?![a-zA-Z])\s*"
)
SPACE = re.compile(r"(?<!\\)\\[!,;:> ]|~|\\(?:quad|qquad|hspace\{[^{}]*\}|enspace|thinspace)(?![a-zA-Z])")
THOUSANDS = re.compile(
    r"(?<![\d.,])(\d{1,3})((?:(?:,\s?\\!\s*|\s?\{\s?,\s?\}\s?|\\,|\\!|\\;|(?<!\\)\\ |~)\d{3})+)(?!\d)"
)
SPACED_THOUSANDS = re.compile(r"(?<![\d.,/^_{}])[1-9]\d{0,2}(?: \d{3})+(?![\d/,]| \d)")
DOLLARS = re.compile(r"^\\\$\s*(\d[\d.,]*)$")
ENDING = re.compile(r"(?:[.,;:?\s\"]|(?<=[a-z]{2})!)+$")
SHORT = re.compile(r"\\frac\s*(?:(\d)|([a-zA-Z])(?![a-zA-Z]))\s*(?=[\d{a-zA-Z\\])")
SHORT_BELOW = re.compile(r"(\\frac\s*\{[^{}]*\})\s*([\da-zA-Z])")
ROOT = re.compile(r"\\sqrt\s*(\[[^\[\]]*\])?\s*(?:(\d)|([a-zA-Z])(?![a-zA-Z])|\(([^()]*)\)|(\\[a-zA-Z]+))")
REPLACED = (
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:leqslant|leqq|le)(?![a-zA-Z])|<=|=<"), r"\\leq "),
    (re.compile(r"\\(?:geqslant|geqq|ge)(?![a-zA-Z])|>=|=>"), r"\\geq "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:ne|not\s*=)(?![a-zA-Z])|!=|=/="), r"\\neq "),
    (re.compile(r"\\(?:simeq|doteq|approxeq)(?![a-zA-Z])"), r"\\approx "),
    (re.compile(r"\\(?:varnothing)(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\\(?:lbrace)(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\(?:lvert|rvert|vert)(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:imath)(?![a-zA-Z])"), "i"),
    (re.compile(r"\\(?:land|wedge)(?![a-zA-Z])"), " and "),
    (re.compile(r"\\(?:lor|vee)(?![a-zA-Z])"), " or "),
    (re.compile(r"\\(?:ldots|dots|cdots|dotsc)(?![a-zA-Z])|…"), "..."),
    (re.compile(r"\\(?:degree|deg)(?![a-zA-Z])|\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])"), "^\\\\circ "),
    (re.compile(r"\\mathbb\s+([RZNQC])"), r"\\mathbb{\1}"),
    (re.compile(r"\\pmod\s*(\w)"), r"\\pmod{\1}"),
    (re.compile(r"(?<=\d)\s*degrees?\s+(?:([CF])\b|(C)elsius|(F)ahrenheit)", re.I), r"^\\circ \1\2\3"),
    (re.compile(r"^\s*(?:negative|minus)\s+(?=[\d\\])", re.I), "-"),
    (re.compile(r"(?<![\w.])(\d+) and (\d+/\d+)$"), r"\1 \2"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\*"), r"\\cdot "),
    (re.compile(r"(?<![a-zA-Z\\])(?:infinity|infty|inf)(?![a-zA-Z])", re.I), r"\\infty "),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])(?=(?:sqrt|sin|cos|tan|log|ln|exp)\b)"), r"\\"),
    (re.compile(r"\^\(([^()]*)\)"), r"^{\1}"),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"\\pounds(?![a-zA-Z])|[€£¥]"), ""),
    (re.compile(r"\\_"), "_"),
    (re.compile(r"\\&"), "&"),
    (re.compile(r"\\(?:eq)?ref\{[^{}]*\}|\\label\{[^{}]*\}|\\tag\{[^{}]*\}"), ""),
)


def normalize(answer: str) -> str:
    """One spelling of an answer. Raises ValueError for what cannot be an answer: empty, longer than
    LONGEST characters, nested deeper than DEEPEST."""
    if len(answer) > LONGEST:
        raise ValueError("too long")
    text = DOLLARS.sub(r"\1 dollars", _unwrap(plain_characters(answer))).replace("\\$", "")
    if "\\begin" not in text:
        text = re.sub(r"\\\\(?=[a-zA-Z{}])", r"\\", text)  # a file that escaped twice
    text = THOUSANDS.sub(lambda match: match[1] + re.sub(r"\D", "", match[2]), text)
    text = TEXT.sub(_plain_text, TEXT.sub(_plain_text, text))
    text = SIZE.sub("", text)
    text = SPACE.sub(" ", text).replace("$", "")
    for pattern, replacement in REPLACED:
        text = pattern.sub(replacement, text)
    text = _roots(_fractions(re.sub(r"(?<!\\)\\(?=\d)", "", text)))
    text = re.sub(r"\s+", " ", text).strip()
    text = SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)
    text = _unwrap(text.lstrip("=").strip())
    text = ENDING.sub("", text)
    if not text:
        raise ValueError("empty")
    if _depth(text) > DEEPEST:
        raise ValueError("nested too deep")
    return text


def _plain_text(match: re.Match[str]) -> str:
    """A single letter behind a number is a unit: `20 \\text{ N}`; elsewhere it is a symbol."""
    content = match[1]
    if len(content.strip()) > 1:
        return f" {content} "
    behind_number = re.search(r"[\d})]\s*(?:\\[,;!> ]|~|\s)*$", match.string[: match.start()])
    return f" {content.strip()} " if behind_number and content.strip().isalpha() else content


def _fractions(text: str) -> str:
    text = SHORT.sub(lambda match: f"\\frac{{{match[1] or match[2]}}}", text)
    return SHORT_BELOW.sub(lambda match: f"{match[1]}{{{match[2]}}}", text)


def _roots(text: str) -> str:
    return ROOT.sub(
        lambda match: f"\\sqrt{match[1] or ''}{{{match[2] or match[3] or match[4] or match[5] or ''}}}", text
    )


def _unwrap(text: str) -> str:
    """Without the marks of a formula, of bold type or of a box around all of it."""
    for _ in range(4):
        before = text = text.strip().rstrip(".").strip()
        for opening, closing in (
            ("$$", "$$"),
            ("$", "$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("**", "**"),
            ("`", "`"),
        ):
            inner = text[len(opening) : -len(closing)]
            if text.startswith(opening) and text.endswith(closing) and inner and opening not in inner:
                text = inner
        for opening in ("\\boxed{", "\\fbox{", "\\framebox{"):
            if text.startswith(opening) and closing_brace(text, len(opening) - 1) == len(text) - 1:
                text = text[len(opening) : -1]
        if text == before:
            break
    return text


def closing_brace(text: str, at: int) -> int:
    """The position of the brace that closes the one at `at`; -1 where none does."""
    depth = 0
    for place in range(at, len(text)):
        if text[place] in "{}" and text[place - 1 : place] != "\\":
            depth += 1 if text[place] == "{" else -1
            if depth == 0:
                return place
    return -1


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "{([") - (character in "})]")
        deepest = max(deepest, depth)
    return deepest


def squeezed(text: str) -> str:
    """For comparing as text: spaces only between words and numbers; words of plain letters in one case."""
    tight = (
        re.sub(r"(?<=\w) (?=\w)", "\0", re.sub(r"\s+", " ", text.strip())).replace(" ", "").replace("\0", " ")
    )
    plain = tight.replace(" ", "")
    return tight.casefold() if plain.isalpha() and len(plain) > 1 else tight
