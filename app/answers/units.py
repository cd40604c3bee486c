"""PURE: a number with its unit. A unit on one side only does not count; two units must agree: 1 hour is
60 minutes, 5 cm is not 5 m."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

F = Fraction
TABLE: dict[str, tuple[str, Fraction]] = {}
for dimension, units in {
    "length": {
        "mm millimeter millimetre 毫米": F(1, 1000), "cm centimeter centimetre 厘米": F(1, 100),
        "dm decimeter decimetre 分米": F(1, 10), "m meter metre 米": F(1),
        "km kilometer kilometre 千米 公里": F(1000), "in inch inche": F(254, 10000),
        "ft foot feet": F(3048, 10000), "yd yard": F(9144, 10000), "mi mile": F(1609344, 1000),
    },
    "time": {
        "s sec second 秒": F(1), "min minute 分钟 分": F(60), "h hr hour 小时 時間": F(3600),
        "day 天 日": F(86400), "week 周": F(604800),
    },
    "months": {"month 月": F(1), "yr year 年 岁 歳": F(12)},
    "mass": {
        "mg milligram": F(1, 1000), "g gram 克": F(1), "kg kilogram 千克 公斤": F(1000),
        "ton tonne 吨": F(10**6), "lb pound": F(45359237, 100000), "oz ounce": F(45359237, 1600000),
    },
    "money": {"cent 分钱": F(1, 100), "dollar usd buck": F(1)},
    "euros": {"euro eur": F(1)}, "yuan": {"元 yuan rmb 块": F(1)}, "yen": {"yen 円": F(1)},
    "volume": {"ml milliliter millilitre 毫升": F(1, 1000), "l liter litre 升": F(1)},
    "gallons": {"gal gallon": F(1), "quart qt": F(1, 4)},
    "degree": {"^\\circ degree deg 度": F(1)}, "radian": {"rad radian": F(1)},
    "celsius": {"^\\circ_c celsius": F(1)}, "fahrenheit": {"^\\circ_f fahrenheit": F(1)},
    "force": {"newton n": F(1)}, "energy": {"j joule": F(1), "kj kilojoule": F(1000)},
    "power": {"w watt": F(1), "kw kilowatt": F(1000)}, "voltage": {"v volt": F(1)},
    "current": {"ampere amp a": F(1)}, "temperature": {"k kelvin": F(1)}, "hertz": {"hz hertz": F(1)},
    "pressure": {"pa pascal": F(1)}, "angle minutes": {"arcminute": F(1)}, "": {"unit": F(1)},
}.items():  # fmt: skip
    for names, factor in units.items():
        TABLE |= dict.fromkeys(names.split(), (dimension, factor))
ALIASES = {"mph": "mi/h", "kmh": "km/h", "kph": "km/h", "fps": "ft/s", "mps": "m/s"}
LETTERS = set("mshgNJWVAKL")
"""Units of one letter: only behind a blank, else it is a symbol (5x, 2k)."""
POWERS = {"square": 2, "sq": 2, "平方": 2, "cubic": 3, "cu": 3, "立方": 3}
NOT_UNITS = re.compile(
    r"\b(?:and|or|to|mod|modulo|base|choose|if|for|when|where|in|times|plus|minus|over|is|are|not|by|x|pi|e|i)\b"
)
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = rf"(?:[A-Za-z][A-Za-z'-]*\.?|[{CJK}]+)(?:\s?\^\s?\{{?-?[123]\}}?|\^\{{[23]\}})?"
TAIL = re.compile(rf"(?:\^\\circ\s?(?:[CF]\b)?|{WORD}(?:\s?(?:/|\\cdot|·|\s)\s?{WORD})*)$")
START = re.compile(
    rf"(?<=[\d)}}])\s*(?=\^\\circ|[A-Za-z{CJK}])|(?<=\\pi)\s+(?=[A-Za-z])|(?<=\\pi )(?=[A-Za-z])"
)
TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
LEAD = re.compile(r"(?:about|approximately|approx\.?|exactly|roughly|around|only|a total of|约|約)\s*", re.I)


@dataclass(frozen=True)
class Quantity:
    value: str
    unit: str = ""
    percent: bool = False


def split_unit(text: str) -> Quantity:
    """The value and the unit behind it. The unit is empty where none is written."""
    text = LEAD.sub("", text, count=1) if LEAD.match(text) else text
    if match := re.match(r"(.*\S)\s?(?:%|\b(?:percent|per cent|pct|percentage points?)\b\.?)$", text, re.I):
        return Quantity(match[1], "", True)
    if "^\\circ" in text and TRIGONOMETRIC.search(text):
        return Quantity(text)
    for start in START.finditer(text):
        tail = text[start.end() :].strip()
        if TAIL.match(tail) and _is_unit(tail, attached=start.end() == start.start()):
            return Quantity(text[: start.start()].strip(), tail)
    return Quantity(text)


def _is_unit(tail: str, *, attached: bool) -> bool:
    if tail != "in" and NOT_UNITS.search(tail):
        return False
    if tail.startswith("^\\circ") or unit_scale(tail) is not None:
        return len(tail) > 1 or (not attached and tail in LETTERS) or not tail.isascii()
    if re.match(f"[{CJK}]", tail):
        return True
    first = re.split(r"[\s/^.]", tail)[0]
    return not attached and len(first) >= 3 and re.search("[aeiouy]", first, re.I) is not None


def unit_scale(unit: str) -> tuple[str, Fraction] | None:
    """The dimension of a unit, and its size; None for words that are no unit of measurement."""
    unit = re.sub(r"\^\\circ\s?([CF])\b", lambda match: f"^\\circ_{match[1].lower()}", unit)
    unit = re.sub(r"\s+(?:per|an?|each)\s+|\s*/\s*", "/", unit.strip().rstrip("."))
    unit = ALIASES.get(unit.lower(), unit)
    dimensions, scale = [], Fraction(1)
    for place, part in enumerate(unit.split("/")):
        match = _simple_scale(part.strip())
        if match is None:
            return None
        dimensions.append(("/" if place else "") + match[0])
        scale = scale / match[1] if place else scale * match[1]
    return "".join(dimensions), scale


def _simple_scale(unit: str) -> tuple[str, Fraction] | None:
    power, name = 1, unit
    if behind := re.search(r"\s?\^\s?\{?([23])\}?$|\s(squared|cubed)$", unit):
        power = int(behind[1]) if behind[1] else {"squared": 2, "cubed": 3}[behind[2]]
        name = unit[: behind.start()]
    for word, exponent in POWERS.items():
        if name.lower().startswith(word) and name != word:
            power, name = exponent, name[len(word) :].lstrip(". ")
    match = TABLE.get(name.strip().lower().rstrip(".")) or TABLE.get(
        name.strip().lower().rstrip(".").removesuffix("s")
    )
    if match is None:
        return None
    dimension, scale = match
    return (f"{dimension}^{power}" if power > 1 and dimension else dimension), scale**power


def same_words(unit: str, other: str) -> bool:
    """Whether two units in words name the same thing: equal up to a plural, or one says more."""
    left, right = (
        {word.removesuffix("s") for word in re.findall(r"\w+", text.casefold())} for text in (unit, other)
    )
    return left <= right or right <= left
