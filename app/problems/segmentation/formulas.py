"""PURE: formulas and LaTeX environments, found in one pass with a stack, in linear time.

Recognized are $$..$$, $..$, \\[..\\], \\(..\\), \\begin{..}..\\end{..} and \\boxed{..}. An opening
delimiter without its closing one protects nothing, and a $..$ formula never crosses a blank line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from app.problems.segmentation.boxes import find_bare_displays, find_boxes
from app.problems.segmentation.dollars import is_formula
from app.problems.segmentation.spans import Span, exclude_matches, merge_spans

# Each alternative begins with one literal character, which lets `re` skip the rest of the text fast.
TOKENS = (
    r"\\(?:\\?(?P<edge>begin|end)\s?\{(?P<env>[^{}\n]{1,40})\}|(?P<bracket>\\?[\[\]()])|[\\${}])"
    r"|\$(?P<sign>\$?)|\n(?P<blank>[^\S\n]*(?=\n))"
)
TOKEN = re.compile(TOKENS)
BRACE_TOKEN = re.compile(TOKENS + r"|\{(?P<brace>)|\}(?P<close>)")
NESTED_DOLLAR = re.compile(r"\\(?:text|mbox|hbox|intertext)[a-z]*\s*\{[^{}$]*\$")
PROSE = re.compile(
    r"(?:document|proof|solution|enumerate|itemize|description|quote|quotation|abstract|center"
    r"|theorem|lemma|corollary|proposition|definition|remark|example|claim|problem|figure|minipage)\*?$"
)
CLOSERS = {"]": "[", ")": "(", "\\]": "\\[", "\\)": "\\("}
"""By opening bracket, without the first backslash: texts that were escaped twice have a second."""
INLINE = {"$", "{"}


def find_formulas(text: str, raw: list[Span]) -> list[Span]:
    """Spans of formulas, ascending and disjoint. Delimiters inside the spans `raw` do not count."""
    spans = find_bare_displays(text, raw)
    if "$" not in text and "\\" not in text:
        return spans
    spans += find_boxes(text) if "boxed" in text else []
    pattern = BRACE_TOKEN if NESTED_DOLLAR.search(text) else TOKEN
    return Scanner(text, exclude_matches(pattern.finditer(text), raw), spans).scan()


@dataclass(slots=True)
class Opening:
    kind: str
    token: int
    start: int
    end: int
    blanks: int
    """How many blank lines had been seen."""


@dataclass
class Scanner:
    text: str
    tokens: list[re.Match[str]]
    spans: list[Span] = field(default_factory=list)
    stack: list[Opening] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    ahead: Counter[str] = field(default_factory=Counter)
    """Closing delimiters that are still to come, by the kind they close."""
    blanks: int = 0

    def scan(self) -> list[Span]:
        closed = [_closed_kind(token) for token in self.tokens]
        self.ahead.update(closed)
        for index, token in enumerate(self.tokens):
            self.ahead[closed[index]] -= 1
            self._read(index, token)
        self._end_paragraph(len(self.tokens))
        return merge_spans(self.spans)

    def _read(self, index: int, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "blank":
            self.blanks += 1
            self._end_paragraph(index)
        elif kind == "env":
            self._read_environment(index, token)
        elif kind == "bracket":
            self._read_bracket(index, token)
        elif kind in ("brace", "close"):
            self._read_brace(index, token)
        elif kind == "sign" and token["sign"]:
            self._read_display(index, token)
        elif kind == "sign":
            self._read_dollar(index, token.start())

    def _push(self, kind: str, index: int, token: re.Match[str]) -> None:
        self.stack.append(Opening(kind, index, token.start(), token.end(), self.blanks))
        self.open[kind] += 1

    def _pop(self) -> Opening:
        opening = self.stack.pop()
        self.open[opening.kind] -= 1
        return opening

    def _pop_to(self, kind: str) -> Opening:
        while True:
            opening = self._pop()
            if opening.kind == kind:
                return opening

    def _read_environment(self, index: int, token: re.Match[str]) -> None:
        kind = f"env:{token['env']}"
        if PROSE.match(token["env"]):
            return
        if token["edge"] == "begin":
            if self.ahead[kind] > self.open[kind]:
                self._push(kind, index, token)
        elif self.open[kind]:
            self.spans.append((self._pop_to(kind).start, token.end()))

    def _read_bracket(self, index: int, token: re.Match[str]) -> None:
        bracket = token["bracket"]
        kind = CLOSERS.get(bracket)
        if kind is not None:
            if self.open[kind]:
                self.spans.append((self._pop_to(kind).start, token.end()))
            return
        is_row_break = len(bracket) == 2 and bool(self.stack)
        if self.ahead[bracket] and not is_row_break:
            if self.open[bracket]:
                self._pop_to(bracket)
            self._push(bracket, index, token)

    def _read_brace(self, index: int, token: re.Match[str]) -> None:
        if token.lastgroup == "brace":
            if self.open["$"]:
                self._push("{", index, token)
        elif self.stack and self.stack[-1].kind == "{":
            self._pop()

    def _read_display(self, index: int, token: re.Match[str]) -> None:
        if self.stack and self.stack[-1].kind == "$" and not self.open["$$"]:
            self._read_dollar(index, token.start())
            self._read_dollar(index, token.start() + 1)
        elif not self.open["$$"]:
            self._push("$$", index, token)
        else:
            opening = self._pop_to("$$")
            if opening.blanks < self.blanks and self.ahead["$$"] % 2:
                self._push("$$", index, token)  # the earlier one was never closed
            else:
                self.spans.append((opening.start, token.end()))

    def _read_dollar(self, index: int, start: int) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and top.kind not in INLINE:
            return
        if top is not None and top.kind == "$":
            self._pop()
            if self._is_formula(top.start, start):
                self.spans.append((top.start, start + 1))
                return
        self.stack.append(Opening("$", index, start, start + 1, self.blanks))
        self.open["$"] += 1

    def _is_formula(self, start: int, end: int) -> bool:
        before = self.text[start - 1 : start] if start else ""
        return is_formula(before, self.text[start + 1 : end], self.text[end + 1 : end + 2])

    def _end_paragraph(self, index: int) -> None:
        """Drop what may not cross a blank line. Dollars whose braces do not balance are paired anew,
        without regard to braces."""
        earliest = None
        while self.stack and self.stack[-1].kind in INLINE:
            opening = self._pop()
            if opening.kind == "$":
                earliest = opening.token
        if earliest is not None:
            self._pair_dollars(earliest, index)

    def _pair_dollars(self, first: int, last: int) -> None:
        start = None
        for token in self.tokens[first:last]:
            if token.lastgroup != "sign" or token["sign"]:
                continue
            if start is not None and self._is_formula(start, token.start()):
                self.spans.append((start, token.end()))
                start = None
            else:
                start = token.start()


def _closed_kind(token: re.Match[str]) -> str:
    kind = token.lastgroup
    if kind == "env":
        return f"env:{token['env']}" if token["edge"] == "end" else ""
    if kind == "bracket":
        return CLOSERS.get(token["bracket"], "")
    return "$$" if kind == "sign" and token["sign"] else ""
