"""PURE: the exact value of a number as it is written, and how many digits were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

DIGITS = 400
LARGEST_EXPONENT = 400
ENOUGH_DIGITS = 6
"""Significant digits that a decimal answer needs against an exact reference."""
REFERENCE_DIGITS = 3
"""Significant digits that a decimal reference needs to stand for an exact value."""

DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
NUMBER = re.compile(rf"([-+]?)({DECIMAL})$")
RATIO = re.compile(r"([-+]?)\(?([-+]?\d+)\)?/\(?([-+]?\d+)\)?$")
LATEX_RATIO = re.compile(r"([-+]?)\\frac\{([-+]?\d+)\}\{([-+]?\d+)\}$")
MIXED = re.compile(
    r"([-+]?)(\d+)(?:\s|\s?\+\s?|\\[ ,])?\s?(?:\\frac\{(\d+)\}\{(\d+)\}|(?<=[\s+])(\d+)/(\d+))$"
)
SCIENTIFIC = re.compile(
    rf"([-+]?)(?:({DECIMAL})\s?(?:\\times|\\cdot|x)\s?)?10\s?\^\s?(?:\{{\s?([-+]?\d{{1,4}})\s?\}}|([-+]?\d{{1,4}}))$"
)
E_NOTATION = re.compile(rf"([-+]?)({DECIMAL})[eE]([-+]?\d{{1,4}})$")
REPEATING = re.compile(r"([-+]?)(\d*)\.(\d*)\\(?:overline|bar|dot)\{(\d+)\}$")
SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
SCALED = re.compile(rf"(.*\S)\s?(?:{'|'.join(SCALES)})s?$", re.I)
SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip
TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NAMES = {name: value for value, name in enumerate(SMALL)}
NAMES |= dict(zip(TENS, range(30, 100, 10), strict=True))
NAMES |= {name: value for value, name in enumerate("零一二三四五六七八九十")} | {"两": 2, "兩": 2}
NAMES |= {"hundred": 100, "thousand": 1000, "million": 10**6, "half": 0}
HALVES = {"half": Fraction(1, 2), "one half": Fraction(1, 2), "one third": Fraction(1, 3)}
HALVES |= {"one quarter": Fraction(1, 4), "one fourth": Fraction(1, 4), "two thirds": Fraction(2, 3)}
HALVES |= {"three quarters": Fraction(3, 4), "three fourths": Fraction(3, 4)}


@dataclass(frozen=True)
class Number:
    value: Fraction
    digits: int | None = None
    """Significant digits of a decimal; None for an integer or a ratio."""
    step: Fraction = Fraction(0)
    """The unit in the last place of a decimal."""


def read_number(text: str) -> Number | None:
    """An integer, a decimal, a ratio, a mixed number, a power of ten or a number in words, exactly.
    None for everything else."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1].strip()
    if not text or len(text) > DIGITS:
        return None
    tight = re.sub(r"\s?([-+/.^{}])\s?", r"\1", text)
    for reader in (_plain, _mixed, _ratio, _scientific, _repeating, _in_words, _scaled):
        if (match := reader(tight)) is not None:
            return match
    return None


def plain_number(text: str) -> Fraction | None:
    """The exact value of a number; None for everything else."""
    match = read_number(text)
    return None if match is None else match.value


def _decimal(sign: str, digits: str, scale: Fraction = Fraction(1)) -> Number:
    value = Fraction(digits) * scale * (-1 if sign == "-" else 1)
    before, point, behind = digits.partition(".")
    if not point or not behind:
        return Number(value)
    significant = len((before + behind).lstrip("0")) or 1
    return Number(value, significant, scale / 10 ** len(behind))


def _plain(text: str) -> Number | None:
    match = NUMBER.match(text)
    return _decimal(match[1], match[2]) if match else None


def _mixed(text: str) -> Number | None:
    match = MIXED.match(text)
    if match is None:
        return None
    above, below = int(match[3] or match[5]), int(match[4] or match[6])
    if below == 0 or above >= below:
        return None
    value = int(match[2]) + Fraction(above, below)
    return Number(-value if match[1] == "-" else value)


def _ratio(text: str) -> Number | None:
    match = RATIO.match(text) or LATEX_RATIO.match(text)
    if match is None or int(match[3]) == 0:
        return None
    value = Fraction(int(match[2]), int(match[3]))
    return Number(-value if match[1] == "-" else value)


def _scientific(text: str) -> Number | None:
    match = SCIENTIFIC.match(text)
    sign, digits, power = (match[1], match[2] or "1", match[3] or match[4]) if match else (None, "", "0")
    if match is None and (match := E_NOTATION.match(text)):
        sign, digits, power = match[1], match[2], match[3]
    if sign is None or abs(int(power)) > LARGEST_EXPONENT:
        return None
    return _decimal(sign, digits, Fraction(10) ** int(power))


def _repeating(text: str) -> Number | None:
    match = REPEATING.match(text)
    if match is None:
        return None
    before, repeated = match[3], match[4]
    tail = Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(before))
    value = Fraction(f"{match[2] or '0'}.{before or '0'}") + tail
    return Number(-value if match[1] == "-" else value)


def _in_words(text: str) -> Number | None:
    parts = text.casefold().replace("-", " ").split()
    joined = " ".join(parts)
    if joined in HALVES:
        return Number(HALVES[joined])
    if not parts or any(word not in NAMES for word in parts) or "half" in parts:
        return None
    if len(parts) == 1:
        return Number(Fraction(NAMES[parts[0]]))
    if len(parts) == 2 and 20 <= NAMES[parts[0]] < 100 and 0 < NAMES[parts[1]] < 10:
        return Number(Fraction(NAMES[parts[0]] + NAMES[parts[1]]))
    if len(parts) == 2 and NAMES[parts[1]] >= 100:
        return Number(Fraction(NAMES[parts[0]] * NAMES[parts[1]]))
    return None


def _scaled(text: str) -> Number | None:
    match = SCALED.match(text)
    if match is None:
        return None
    inner = _plain(match[1].strip()) or _mixed(match[1].strip())
    word = text[len(match[1]) :].strip().casefold().rstrip("s")
    if inner is None:
        return None
    scale = SCALES[word]
    return Number(inner.value * scale, inner.digits, inner.step * scale)


def equal_numbers(reference: Number, answer: Number) -> bool:
    """Exactly equal, or one is a decimal of the other, a value without an end as a decimal."""
    if reference.value == answer.value:
        return True
    if reference.digits is not None and answer.digits is None and not _terminates(answer.value):
        return reference.digits >= REFERENCE_DIGITS and is_decimal_of(reference, answer.value)
    if answer.digits is not None and reference.digits is None and not _terminates(reference.value):
        return answer.digits >= ENOUGH_DIGITS and is_decimal_of(answer, reference.value)
    return False


def is_decimal_of(decimal: Number, exact: Fraction) -> bool:
    """Whether the exact value, rounded or cut off at the last digit written, is the decimal."""
    scaled, written = abs(exact) / decimal.step, abs(decimal.value) / decimal.step
    same_sign = (exact >= 0) == (decimal.value >= 0)
    return same_sign and written in (scaled.__floor__(), (scaled + Fraction(1, 2)).__floor__())


def _terminates(value: Fraction) -> bool:
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1
