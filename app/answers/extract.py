"""PURE: the final answer out of a solution's text. GSM8K's stands behind `####` or `A:`
(Cobbe et al. 2021), MATH's in the last `\\boxed{}` (Hendrycks et al. 2021), PRM800K's
behind `# Answer` (Lightman et al. 2023)."""

from __future__ import annotations

import re

GSM8K = re.compile(r"^[ \t]*(?:####|A:)[ \t]*(.*?)[ \t]*$", re.M)
HEADING = re.compile(r"^#{1,4}[ \t]*(?:Final[ \t]+)?Answer[ \t]*:?[ \t]*$\s*(.+)\Z", re.M | re.S | re.I)
SAID = re.compile(
    r"(?:final answer|answer)\s*(?:is|:|=)\s*:?\s*(?:\*\*)?"
    r"(?P<answer>\$[^$\n]{1,200}\$|[^\n]{1,200}?)(?:\*\*)?\.?\s*(?:$|\n)",
    re.I,
)
PLAIN = re.compile(r"(?:^|\n)[ \t]*answer[ \t]+(?P<answer>[-+]?[\d.,/]*\d)[ \t]*\Z", re.I)
BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?=[^\s{]))")
LONGEST = 100_000
DEEPEST = 200


def gsm8k_answer(text: str) -> str | None:
    found = GSM8K.findall(text[-LONGEST:])
    return _clean(found[-1]) if found else None


def boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{...}`, its braces balanced; null when none closes."""
    text = text[-LONGEST:]
    for found in reversed(list(BOX.finditer(text))[-8:]):
        start = found.end()
        if text[start - 1] != "{":
            return _clean(text[start : start + 1])
        depth = 1
        for at in range(start, len(text)):
            character = text[at]
            if text[at - 1] == "\\" and character in "{}":
                continue
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return _clean(text[start:at])
            if depth > DEEPEST:
                break
    return None


def under_heading(text: str) -> str | None:
    found = HEADING.search(text[-LONGEST:])
    return _clean(found.group(1)) if found else None


def last_answer(text: str) -> str | None:
    """The final answer wherever it stands: `# Answer`, a box, `####` or `A:`, then words;
    at last a line "answer 42" that ends the text."""
    found = under_heading(text) or boxed(text) or gsm8k_answer(text)
    if found is None:
        said = list(SAID.finditer(text[-2000:]))
        found = _clean(said[-1]["answer"]) if said else None
    if found is None and (plain := PLAIN.search(text[-200:].rstrip())):
        found = plain["answer"]
    return found


def _clean(found: str) -> str | None:
    return found.strip() or None
