"""PURE: the spelling of an answer, its meaning untouched: dollars, boxes, spacing commands,
units in words, thousands separators. What is left is compared as text, as exact numbers,
and only then by a computer algebra system (grade.py)."""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST = 1000
DEEPEST = 40
DIGITS = 400

DROPPED = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits)(?![a-zA-Z])\s*"
    r"|(?<!\\)\\[!,;:>]|(?<!\\)\\ |~|\\quad|\\qquad"
)
STYLE = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
UNIT = re.compile(
    r"(?<=[\d})])\s*(?:dollars?|cents?|degrees?|percent|units?|inch(?:es)?|feet|foot|meters?|metres?|miles?"
    r"|cm|mm|km|kg|hours?|minutes?|seconds?|days?|weeks?|years?|square|cubic|sq)\b\.?(?:\s*\^\s*\{?[23]\}?)?",
    re.I,
)
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,(?:\\!)?\d{3})+(?![\d,])")
NAMED = re.compile(r"^\\?[a-zA-Z](?:\([a-z]\))?\s*=\s*(?=[^=]+$)")
FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)$")
RATIO = re.compile(r"([-+]?)\(?([-+]?\d+)\)?/\(?([-+]?\d+)\)?$")
LATEX_RATIO = re.compile(r"([-+]?)\\frac\{([-+]?\d+)\}\{([-+]?\d+)\}$")


def normalise(answer: str) -> str:
    """Raises ValueError for what no answer is: too long, nested too deep, empty."""
    if len(answer) > LONGEST:
        raise ValueError("too long")
    text = answer.strip()
    for _ in range(3):
        text = _unwrapped(text)
    text = text.replace("−", "-").replace("\u00a0", " ").replace("\\%", "%").replace("\\$", "")
    text = text.replace("^\\circ", "").replace("^{\\circ}", "").replace("°", "").replace("π", "\\pi")
    text = STYLE.sub(lambda found: found[1], text)
    text = DROPPED.sub("", text).replace("$", "")
    text = THOUSANDS.sub(lambda found: re.sub(r"[^\d]", "", found[0]), text)
    text = UNIT.sub("", text)
    text = FRACTION.sub(lambda f: f"\\frac{{{f[1] or f[2] or ''}}}{{{f[3] or f[4] or ''}}}", text)
    text = NAMED.sub("", text)
    text = re.sub(r"\s+", " ", text).strip().rstrip(".,;:").strip()
    text = re.sub(r"(?<=\d)\s*%$", "", text)
    if not text:
        raise ValueError("empty")
    if _deep(text):
        raise ValueError("nested too deep")
    return text


def _unwrapped(text: str) -> str:
    text = text.strip()
    for start, end in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**")):
        inner = text[len(start) : -len(end)]
        if (
            text.startswith(start)
            and text.endswith(end)
            and len(text) > len(start + end)
            and start not in inner
        ):
            return inner
    for start in ("\\boxed{", "\\fbox{"):
        if text.startswith(start) and text.endswith("}"):
            return text[len(start) : -1]
    return text


def _deep(text: str) -> bool:
    depth = deepest = 0
    for character in text:
        depth += (character in "{([") - (character in "})]")
        deepest = max(deepest, depth)
    return deepest > DEEPEST


def squeezed(text: str) -> str:
    """For comparing as text: no spaces, and letters of words in one case."""
    tight = re.sub(r"\s+", "", text)
    return tight.casefold() if tight.isalpha() and len(tight) > 1 else tight


def plain_number(text: str) -> Fraction | None:
    """The exact value of an integer, a decimal or a ratio of integers; null for anything else."""
    tight = text.replace(" ", "")
    if len(tight) > DIGITS:
        return None
    if NUMBER.match(tight):
        return Fraction(tight)
    found = RATIO.match(tight) or LATEX_RATIO.match(tight)
    if found is None or int(found[3]) == 0:
        return None
    value = Fraction(int(found[2]), int(found[3]))
    return -value if found[1] == "-" else value


def members(text: str) -> list[str] | None:
    """Of a list or set written with commas at its top level; null for one thing, and for
    what is ordered: (1, 2) is a point, [1, 2] an interval."""
    inner = text.strip()
    if inner.startswith("\\{") and inner.endswith("\\}"):
        inner = inner[2:-2]
    elif inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    inner = re.sub(r"(?:,\s*)?\b(?:and|or)\b", ",", inner)
    parts, depth, start = [], 0, 0
    for at, character in enumerate(inner):
        depth += (character in "{([") - (character in "})]")
        if character == "," and depth == 0:
            parts.append(inner[start:at].strip())
            start = at + 1
    parts.append(inner[start:].strip())
    return parts if len(parts) > 1 and all(parts) else None
