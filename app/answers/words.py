"""PURE: answers in words. Order counts, case and punctuation do not."""

from __future__ import annotations

import re

COMMAND = re.compile(r"\\(?:begin|end)\{[^{}]*\}|\\[a-zA-Z]+|_\{[^{}]*\}|_\w")
LETTERS = re.compile(r"[^\W\d_]+")
FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "lg", "exp", "max", "min", "gcd", "lcm",
    "mod", "det", "arcsin", "arccos", "arctan", "sinh", "cosh",
}  # fmt: skip
SHORT_WORDS = {
    "no", "yes", "odd", "one", "two", "six", "ten", "all", "any", "red", "up", "down", "left", "top",
    "not", "and", "or", "of", "is", "it", "to", "on", "in", "at", "be", "he", "she", "we", "am", "pm",
    "if", "my", "so", "an", "as", "by", "do", "go", "none", "each", "both",
}  # fmt: skip
VERBS = {"is", "are", "was", "equals", "find", "found", "so", "therefore", "thus", "hence", "we", "get"}
ARTICLES = {"a", "an", "the"}
SYNONYMS = (
    {"no solution", "no solutions", "there is no solution", "there are no solutions", "no solution exists"},
    {"does not exist", "dne", "doesn t exist", "undefined"},
    {"infinitely many", "infinitely many solutions", "infinite", "infinite solutions"},
    {"all real numbers", "all reals", "any real number", "every real number", "all real number"},
    {"empty set", "emptyset", "null set"},
)
MOST_WORDS = 6


def is_words(text: str) -> bool:
    """Whether a text is prose or a name rather than mathematics."""
    runs = LETTERS.findall(COMMAND.sub(" ", text).replace("'", "").replace("-", " "))
    plain = re.sub(r"[\W_]", "", text)
    if not runs or len(plain) < 2:
        return False
    if "\\frac" in text or "\\sqrt" in text:
        return False
    if any(not run.isascii() and len(run) > 1 for run in runs):
        return True
    if any(len(run) >= 4 and run not in FUNCTIONS and re.search("[aeiouy]", run, re.I) for run in runs):
        return True
    return any(run.casefold() in SHORT_WORDS for run in runs)


def same_words(text: str, other: str) -> bool:
    """Whether two texts are the same words in the same order."""
    left, right = tokens(text), tokens(other)
    if left == right or "".join(left) == "".join(right):
        return True
    phrase, second = " ".join(left), " ".join(right)
    return any(phrase in synonyms and second in synonyms for synonyms in SYNONYMS)


def tokens(text: str) -> list[str]:
    text = text.casefold().replace("\\emptyset", "empty set")
    match = re.findall(r"\w+|[^\w\s.,;:!?'\"()\[\]{}\\-]", text)
    return [token for token in match if token not in ARTICLES] or match


def is_prose(text: str) -> bool:
    """More words than a short answer has, or a sentence: an explanation from which no answer can be read."""
    runs = [run for run in LETTERS.findall(COMMAND.sub(" ", text)) if len(run) > 1]
    return len(runs) > MOST_WORDS or (len(runs) > 1 and any(run.casefold() in VERBS for run in runs))
