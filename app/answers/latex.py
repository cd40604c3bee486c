"""PURE: a normalized formula as the grammar of latex2sympy reads it without losing or guessing anything."""

from __future__ import annotations

import re

DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])")
MIXED = re.compile(r"(?<![\w^_}\\.)])(\d+)\s?\\frac\{(\d+)\}\{(\d+)\}")
WORDY_SUBSCRIPT = re.compile(r"_\s?\{?\s?\\(max|min|text\{[^{}]*\})\s?\}?")
TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
GAP = re.compile(r"\d\s+\d")
FUNCTION = re.compile(r"\\(?:arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log)(?![a-zA-Z])")
REPEATING = re.compile(r"\d\.\d*\\overline")


def prepared(text: str) -> str:
    """Raises ValueError for what the grammar would misread."""
    text = re.sub(r"\\log_\s?(\d) (\d+)", r"\\log_{\1} {\2}", text)
    if GAP.search(text) or REPEATING.search(text) or "..." in text or "\\text" in text:
        raise ValueError("not one formula")
    text = WORDY_SUBSCRIPT.sub(lambda match: f"_{{{match[1].removeprefix('text{').rstrip('}')}}}", text)
    text = re.sub(r"(?<=[A-Za-z}\])])('+)", lambda match: f"_{{{'prime' * len(match[1])}}}", text)
    text = re.sub(r"\^\s?\{\s?\\prime\s?\}|\^\\prime", "_{prime}", text)
    if TRIGONOMETRIC.search(text):
        text = re.sub(r"\s?\^\\circ\s?", r"\\cdot \\frac{\\pi}{180} ", text)
        text = re.sub(r"(\d+)\\cdot \\frac\{\\pi\}\{180\}", r"(\1\\cdot \\frac{\\pi}{180})", text)
    text = re.sub(r"\\log_\s?(\d)\s?(?=[\d\\(a-zA-Z])", r"\\log_{\1} ", text)
    text = MIXED.sub(_mixed, text)
    text = DECIMAL.sub(_fraction, text)
    text = text.replace("\\lg", "\\log_{10}").replace("\\tfrac", "\\frac")
    return (
        re.sub(r"\[|\]", lambda match: "(" if match[0] == "[" else ")", text)
        if "\\sqrt[" not in text
        else text
    )


def _mixed(match: re.Match[str]) -> str:
    above, below = int(match[2]), int(match[3])
    return f"({match[1]}+{match[0][len(match[1]) :].strip()})" if above < below else match[0]


def _fraction(match: re.Match[str]) -> str:
    return f"\\frac{{{int((match[1] or '0') + match[2])}}}{{{10 ** len(match[2])}}}"
