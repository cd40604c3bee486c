"""PURE: whether a text shows anything at all when it is displayed."""

from __future__ import annotations

import re
import unicodedata

# Letters and marks that are drawn as nothing: Unicode's Default_Ignorable_Code_Point, and three
# blanks (braille, musical notehead, Hangul fillers) whose category is that of visible characters.
BLANK_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
EMPTY_FORMULA = re.compile(r"\$\$?\s*\$\$?|\\\[\s*\\\]|\\\(\s*\\\)")
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}


def is_visible_text(text: str) -> bool:
    """False for text that holds only blanks, control and format characters (no-break and zero-width
    spaces, soft hyphens, joiners, direction marks), or formulas with nothing between the dollars."""
    if text[:1].isalnum() and not BLANK_LETTERS.match(text):
        return True
    shown = EMPTY_FORMULA.sub("", BLANK_LETTERS.sub("", text))
    return any(unicodedata.category(character) not in INVISIBLE_CATEGORIES for character in shown)
