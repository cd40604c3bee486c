"""Markdown that people write, as HTML that can do no harm: raw HTML stays text, links go to
http, https, mailto or this site only, images are left out. Mathematics passes through untouched,
in an element that static/math.js renders."""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_inline import StateInline
from markupsafe import Markup

MAX_FORMULA_LENGTH = 4000
FORMULA = re.compile(
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\$(?=\S)(?:\\.|[^$\\])+?(?<=\S)\$(?!\d)", re.DOTALL
)
"""As static/math.js reads it: a single $ opens before a non-space, closes after one, and not
before a digit, so that "$5 and $10" stays money."""


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    match = FORMULA.match(state.src, state.pos, min(state.posMax, state.pos + MAX_FORMULA_LENGTH))
    if match is None:
        return False
    if not silent:
        state.push("math", "", 0).content = match.group()
    state.pos = match.end()
    return True


def _build_parser() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    reader.inline.ruler.before("escape", "math", _formula)
    reader.add_render_rule(
        "math",
        lambda _self, tokens, at, _options, _env: (
            f'<span class="math-text">{escapeHtml(tokens[at].content)}</span>'
        ),
    )
    return reader


PARSER = _build_parser()


@lru_cache(maxsize=64)
def render_markdown(text: str) -> Markup:
    """Headings begin at h3: they stand inside a page that has its own h1 and h2."""
    tokens = PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        elif token.type == "table_open":
            token.attrSet("class", "in-text")
    return Markup(PARSER.renderer.render(tokens, PARSER.options, {}))
