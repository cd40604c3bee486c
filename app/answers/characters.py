"""PURE: characters of other scripts and keyboards as the ASCII or LaTeX that they stand for."""

from __future__ import annotations

import unicodedata

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
FRACTIONS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "×": "\\times ", "·": "\\cdot ",
    "⋅": "\\cdot ", "∙": "\\cdot ", "÷": "/", "∕": "/", "⁄": "/", "√": "\\sqrt", "∞": "\\infty ",
    "≤": "\\leq ", "⩽": "\\leq ", "≥": "\\geq ", "⩾": "\\geq ", "≠": "\\neq ", "≈": "\\approx ",
    "±": "\\pm ", "∓": "\\mp ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ",
    "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}", "ℂ": "\\mathbb{C}",
    "°": "^\\circ ", "º": "^\\circ ", "℃": "^\\circ C", "℉": "^\\circ F", "∠": "\\angle ", "△": "\\triangle ",
    "π": "\\pi ", "α": "\\alpha ", "β": "\\beta ", "γ": "\\gamma ", "δ": "\\delta ", "ε": "\\epsilon ",
    "θ": "\\theta ", "λ": "\\lambda ", "μ": "\\mu ", "ρ": "\\rho ", "σ": "\\sigma ", "τ": "\\tau ",
    "φ": "\\phi ", "ω": "\\omega ", "Δ": "\\Delta ", "Ω": "\\Omega ", "Γ": "\\Gamma ", "ℏ": "\\hbar ",
    "、": ", ", "，": ",", "；": ";", "。": ".", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"',
    "«": '"', "»": '"', "٪": "%", "٫": ".", "٬": ",", "،": ", ", "→": "\\to ", "⟨": "\\langle ",
    "⟩": "\\rangle ", "【": "[", "】": "]", "「": "", "」": "",
}  # fmt: skip
INVISIBLE = {"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u200f"}


def plain_characters(text: str) -> str:
    """ASCII digits and LaTeX commands for what has one; letters of other scripts stay."""
    pieces: list[str] = []
    for character in text:
        if character < "\x80":
            pieces.append(character)
        elif character not in INVISIBLE:
            pieces.append(_plain(character))
    return "".join(pieces)


def _plain(character: str) -> str:
    if character in SUPERSCRIPTS:
        return f"^{{{SUPERSCRIPTS[character]}}}"
    if character in SUBSCRIPTS:
        return f"_{{{SUBSCRIPTS[character]}}}"
    if character in FRACTIONS:
        above, below = FRACTIONS[character]
        return f"\\frac{{{above}}}{{{below}}}"
    if character in SYMBOLS:
        return SYMBOLS[character]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    return unicodedata.normalize("NFKC", character)
