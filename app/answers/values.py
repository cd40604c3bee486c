"""PURE: two values: numbers exactly, quantities with their units, numbers with a base, ratios and times;
formulas by the algebra that is passed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from app.answers.normalize import squeezed
from app.answers.numbers import equal_numbers, read_number
from app.answers.units import Quantity, same_words, split_unit, unit_scale

BASE = re.compile(r"(-?[0-9A-Za-z]+)_\{?\s?(?:\\text\{)?(\d{1,2}|[a-z]+)\}?\}?$")
HEX = re.compile(r"(?:[A-F]{2,}|[a-f]{2,})$")
BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
COLONS = re.compile(r"(\d+(?:\s?(?::|to)\s?\d+)+)\s?(am|pm|a\.m\.?|p\.m\.?)?$", re.I)
LETTERS = re.compile(r"[A-Za-z]{2,4}$")
Equal = Callable[[str, str], bool | None]


def compare_values(reference: str, answer: str, equal: Equal | None) -> bool | None:
    """`equal` compares two formulas; without it what is no number differs."""
    if squeezed(reference) == squeezed(answer):
        return True
    for rule in (_based, _colons, _letters if equal else _based):
        handled, result = rule(reference, answer)
        if handled:
            return result
    first, other = read_quantity(reference), read_quantity(answer)
    if first.percent or other.percent:
        return _percentages(first, other, equal)
    if first.unit and other.unit:
        return _two_units(first, other, equal)
    attached = re.fullmatch(r"(\d[\d.]*)[mshgNJWVAL]", squeezed(answer))
    if attached and not first.unit and plain_values(reference, attached[1]):
        return None  # 5m: five metres or five times m
    return _compare(first.value, other.value, equal)


def read_quantity(text: str) -> Quantity:
    return Quantity(text) if read_number(text) else split_unit(text)


def plain_values(reference: str, answer: str) -> bool:
    return bool(_compare(reference, answer, None))


def _compare(reference: str, answer: str, equal: Equal | None) -> bool | None:
    first, other = read_number(reference), read_number(answer)
    if first is not None and other is not None:
        return equal_numbers(first, other)
    if squeezed(reference) == squeezed(answer):
        return True
    return equal(reference, answer) if equal else False


def _percentages(first: Quantity, other: Quantity, equal: Equal | None) -> bool | None:
    """28% is 28 as well as 0.28: files write all three for one answer."""
    same = _compare(first.value, other.value, equal)
    if same or (first.percent and other.percent):
        return same
    percent, bare = (first, other) if first.percent else (other, first)
    if bare.unit:
        return False
    share, value = read_number(percent.value), read_number(bare.value)
    if share is not None and value is not None:
        hundredth = type(share)(share.value / 100, share.digits, share.step / 100)
        return equal_numbers(hundredth, value) if first.percent else equal_numbers(value, hundredth)
    fraction = f"\\frac{{{percent.value}}}{{100}}"
    return equal(fraction, bare.value) if equal and same is False else same


def _two_units(first: Quantity, other: Quantity, equal: Equal | None) -> bool | None:
    scales = unit_scale(first.unit), unit_scale(other.unit)
    if squeezed(first.unit) == squeezed(other.unit) or scales[0] == scales[1] is not None:
        return _compare(first.value, other.value, equal)
    if scales[0] is None or scales[1] is None:
        same = _compare(first.value, other.value, equal)
        if same and (
            scales[0] is not None or scales[1] is not None or not same_words(first.unit, other.unit)
        ):
            return None  # 5 red and 5 blue: the numbers agree, the words may not
        return same
    if "" in (scales[0][0], scales[1][0]):
        return _compare(first.value, other.value, equal)
    if scales[0][0] != scales[1][0]:
        return False
    values = read_number(first.value), read_number(other.value)
    if values[0] is None or values[1] is None:
        return None
    return values[0].value * scales[0][1] == values[1].value * scales[1][1]


def _based(reference: str, answer: str) -> tuple[bool, bool | None]:
    """Numbers with a base, as MATH writes them: 11_2 is neither 11 nor 3. A base on one side only is a
    wrong answer to a question that asked for it."""
    match = [BASE.match(_base_words(text).replace(" ", "")) for text in (reference, answer)]
    digits = [
        item is not None and (any(map(str.isdigit, item[1])) or (item[2] == "16" and HEX.match(item[1])))
        for item in match
    ]
    if not any(digits):
        return False, None
    if not all(digits) or match[0] is None or match[1] is None:
        return True, False
    bases = [BASES.get(item[2]) or (int(item[2]) if item[2].isdigit() else 0) for item in match if item]
    try:
        values = [int(item[1], base) for item, base in zip(match, bases, strict=True) if item]
    except ValueError:
        return True, False
    return True, bases[0] == bases[1] and values[0] == values[1]


def _base_words(text: str) -> str:
    return re.sub(r"\s?(?:in|\(?base)\s(?:base\s)?(\w+)\)?$", r"_{\1}", text) if "base" in text else text


def _colons(reference: str, answer: str) -> tuple[bool, bool | None]:
    """Ratios by proportion; times, which have two digits behind the colon, as they are written."""
    first, other = COLONS.match(reference), COLONS.match(answer)
    if first is None and other is None:
        return False, None
    if first is None or other is None:
        return True, None if read_number(reference) or read_number(answer) else False
    parts = [[int(part) for part in re.split(":|to", match[1])] for match in (first, other)]
    halves = [(match[2] or "").replace(".", "").lower() for match in (first, other)]
    if any(halves) or any(re.fullmatch(r"\d{1,2}\s?:\s?[0-5]\d", match[1]) for match in (first, other)):
        return True, parts[0] == parts[1] and ("" in halves or halves[0] == halves[1])
    if len(parts[0]) != len(parts[1]) or 0 in parts[0] or 0 in parts[1]:
        return True, parts[0] == parts[1]
    return True, len({Fraction(a, b) for a, b in zip(parts[0], parts[1], strict=True)}) == 1


def _letters(reference: str, answer: str) -> tuple[bool, bool | None]:
    """Letters alone can be a word or a product. With a vowel they may be a word, and words never commute."""
    if not (LETTERS.match(reference) and LETTERS.match(answer)):
        return False, None
    if reference.casefold() == answer.casefold():
        return True, True
    if sorted(reference) != sorted(answer):
        return True, False
    return True, None if re.search("[aeiouAEIOU]", reference) else True
