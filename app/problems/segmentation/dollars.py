"""PURE: whether the text between two dollar signs is a formula or only stands between two prices.

Pandoc's rule (no blank inside the dollars, no digit behind them) is the starting point. Models also
write `$ x = 1 $`, and prices such as `$5, so $x$` satisfy the rule by chance, so words decide."""

from __future__ import annotations

import re

TEXT_MACRO = re.compile(r"\\(?:text\w*|mbox|hbox|operatorname|mathrm|mathbf)\*?\s*\{[^{}]*\}|\\[a-zA-Z]+")
WORD = re.compile(r"[^\W\d_]{2,}")
FUNCTIONS = re.compile(r"\b(?:sin|cos|tan|log|ln|exp|lim|max|min|mod|gcd|lcm|det|dim|deg|and|or)\b")
SIGN = re.compile(r"[\\^_=<>≤≥≠≈+*]")
OTHER_DELIMITER = re.compile(r"\\[()\[\]]")
PRICE = re.compile(r"\s?\d[\d,]*(?:\.\d+)?(?![\d^_\\])")


def is_formula(before: str, content: str, after: str) -> bool:
    """Whether `$content$` is a formula. `before` and `after` are the neighboring characters, or ''."""
    if not content.strip() or after.isdigit() or OTHER_DELIMITER.search(content):
        return False
    is_tight_left, is_tight_right = not content[0].isspace(), not content[-1].isspace()
    if not is_tight_left and before.isdigit():
        return False
    word_count = _count_words(content)
    has_sign, has_price = bool(SIGN.search(content)), bool(PRICE.match(content))
    if is_tight_left and is_tight_right:
        return word_count <= (3 if has_sign else 1) if has_price else has_sign or word_count <= 8
    if word_count:
        return has_sign and word_count <= 2 and not (has_price and is_tight_left)
    is_list_of_prices = has_price and is_tight_left and not has_sign
    ends_open = is_tight_left and content.rstrip()[-1] in "+-*/=<>,("
    return not is_list_of_prices and not (has_price and ends_open)


def _count_words(content: str) -> int:
    """Words of prose: runs of two letters or more, outside macros."""
    plain = FUNCTIONS.sub(" ", TEXT_MACRO.sub(" ", content))
    return len(WORD.findall(plain))
