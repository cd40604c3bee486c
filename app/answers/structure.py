"""PURE: what kind of thing an answer is: a number or formula, words, a choice, a list, a set, a point or
interval, a union, a matrix, a relation. Text comes from normalize.py."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.answers.commas import split_top_level
from app.answers.words import is_words


@dataclass(frozen=True)
class Scalar:
    """A number, a quantity or a formula."""

    text: str


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Choice:
    """An option of a question: its letter, and what is written behind it."""

    letter: str
    content: str


@dataclass(frozen=True)
class Group:
    kind: str
    """list (no brackets), set, tuple (brackets and order), union, matrix (rows are tuples)."""
    items: tuple[Node, ...]
    brackets: str = ""


@dataclass(frozen=True)
class Relation:
    sides: tuple[str, ...]
    operators: tuple[str, ...]


Node = Scalar | Words | Choice | Group | Relation

LONE_CHOICE = re.compile(r"(?:(?:option|choice|answer)[\s_:]*)?[\[(]?\s?([A-Ja-j])\s?[\])]?$", re.I)
CHOICE = re.compile(
    r"(?:(?:option|choice|answer)[\s_:]*\(?([A-J])\)?(?:[.:)]|\s|$)|\(\s?([A-Ja-j])\s?\)|([A-J])[).:](?=\s|\())"
    r"\s?(.*)$"
)
NO_CONTENT = re.compile(r"[-+*/^=<>,]|\\(?:cdot|times|pm|leq|geq|neq|cup|cap|in)\b|\([A-Za-z]\)")
SEPARATORS = re.compile(r",|;|\b(?:and|or)\b|&|和|或")
OPERATORS = re.compile(r"\\(?:leq|geq|neq|approx|in)(?![a-zA-Z])|[=<>]")
UNION = re.compile(r"\\cup(?![a-zA-Z])|(?<=[\])}])\s?U\s?(?=[\[(\\{])")
MATRIX = re.compile(r"\\begin\{([pb]?matrix|array|[pb]smallmatrix)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}$", re.S)
CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "{": "}", "\\langle": "\\rangle"}


def read_structure(text: str) -> Node:
    """The structure of a normalized answer whose ambiguous commas are resolved (commas.py)."""
    text = text.strip()
    if (choice := read_choice(text)) is not None:
        return choice
    return _read(text)


def read_choice(text: str) -> Choice | None:
    if len(text) == 1 or (match := CHOICE.match(text)) is None:
        lone = LONE_CHOICE.match(text) if len(text) > 1 else None
        return Choice(lone[1].upper(), "") if lone else None
    letter, content = (match[1] or match[2] or match[3]).upper(), match[4].strip()
    return None if NO_CONTENT.match(content) else Choice(letter, content)


def _read(text: str) -> Node:
    for reader in (_matrix, _list, _relation, _union, _brackets):
        if (node := reader(text)) is not None:
            return node
    return Words(text) if is_words(text) else Scalar(text)


def _matrix(text: str) -> Node | None:
    match = MATRIX.match(text)
    if match is None or "\\begin" in match[2]:
        return None
    rows = [
        row
        for row in re.split(r"\\\\(?:\s?\[[^\]]*\])?|\\cr\b", match[2].replace("\\hline", ""))
        if row.strip()
    ]
    return Group(
        "matrix", tuple(Group("tuple", tuple(_read(cell.strip()) for cell in row.split("&"))) for row in rows)
    )


def _list(text: str) -> Node | None:
    groups = [part for part in split_top_level(text, re.compile(";"))[0] if part]
    nested = len(groups) > 1 and any("," in part for part in groups)  # x=1,y=2; x=3,y=4
    parts = groups if nested else [part for part in split_top_level(text, SEPARATORS)[0] if part]
    return Group("list", tuple(_read(part) for part in parts)) if len(parts) > 1 else None


def _relation(text: str) -> Node | None:
    sides, operators = split_top_level(text, OPERATORS)
    if len(sides) < 2 or not all(sides):
        return None
    return Relation(tuple(sides), tuple(operator.strip() for operator in operators))


def _union(text: str) -> Node | None:
    parts, _ = split_top_level(text, UNION)
    return Group("union", tuple(_read(part) for part in parts)) if len(parts) > 1 and all(parts) else None


def _brackets(text: str) -> Node | None:
    """What is in brackets as a whole. Brackets around one thing mean nothing."""
    for opening, closing in CLOSING.items():
        closings = (")", "]") if opening in "([" else (closing,)
        if not text.startswith(opening) or not text.endswith(closings):
            continue
        end = next(item for item in closings if text.endswith(item))
        inner = text[len(opening) : len(text) - len(end)].strip()
        if not _is_balanced(inner):
            return None
        parts, _ = split_top_level(inner, re.compile("[,;]"))
        if opening in ("\\{", "{"):
            return _set(inner, parts)
        if len(parts) > 1 and all(parts):
            return Group("tuple", tuple(_read(part) for part in parts), f"{opening}{end}")
        return (
            _read(inner) if inner and opening + end in ("()", "[]") and not _has_top_operator(inner) else None
        )
    return None


def _set(inner: str, parts: list[str]) -> Node | None:
    builder = re.split(r"\\mid\b|\\colon\b|(?<![|\\])\||:", inner, maxsplit=1)
    if (
        len(builder) == 2
        and builder[0].strip()
        and isinstance(condition := _read(builder[1].strip()), Relation)
    ):
        return condition
    if not all(parts):
        return Scalar("\\emptyset") if not inner else None
    return Group("set", tuple(_read(part) for part in parts))


def _has_top_operator(inner: str) -> bool:
    return len(split_top_level(inner, re.compile("[|]"))[0]) > 1


def _is_balanced(inner: str) -> bool:
    depth = 0
    for character in inner:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0
