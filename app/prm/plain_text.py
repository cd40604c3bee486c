"""Text that people or models wrote, as token IDs. It never becomes a control token: a step that contains
`<|im_end|>` or a step mark is read as these characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any


def encode_plain(tokenizer: Any, text: str, mark: str = "") -> list[int]:
    """The IDs of `text` without special tokens. `mark` is a further token that must not result: a step mark
    that the tokenizer does not list as special."""
    if len(mark) > 1 and mark in text:
        pieces = text.replace(mark, f"{mark[0]}\0{mark[1:]}").split("\0")
        return [token for piece in pieces for token in encode_plain(tokenizer, piece)]
    return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))


def list_control_tokens(tokenizer: Any) -> list[str]:
    """The special tokens, longest first."""
    tokens = {str(token) for token in tokenizer.all_special_tokens}
    tokens |= {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted(filter(None, tokens), key=len, reverse=True)


def contains_control_token(tokenizer: Any, texts: Sequence[str]) -> bool:
    """Whether one of `texts` contains the characters of a special token."""
    tokens = list_control_tokens(tokenizer)
    return any(token in text for text in texts for token in tokens)


def encode_template(
    tokenizer: Any, rendered: str, contents: Sequence[str], mark: str = ""
) -> Iterator[tuple[str, list[int]]]:
    """The pieces of a rendered template with their IDs: each control token, and each text between two of
    them.

    `rendered` holds `placeholder(i)` where the text `contents[i]` belongs. Control tokens of the template
    count; those within the contents are plain text. Text is tokenized together with the template's text on
    both sides, as if it had been rendered with it."""
    control = list_control_tokens(tokenizer)
    pattern = "|".join(map(re.escape, control))
    for piece in re.split(f"({pattern})", rendered) if pattern else [rendered]:
        if piece in control:
            yield piece, [int(tokenizer.convert_tokens_to_ids(piece))]
        elif piece:
            yield piece, encode_plain(tokenizer, fill_placeholders(piece, contents), mark)


def placeholder(index: int) -> str:
    """A text that no template changes and nobody writes."""
    return f"\ue000{index}\ue001"


def fill_placeholders(text: str, contents: Sequence[str]) -> str:
    return re.sub("\ue000(\\d+)\ue001", lambda match: contents[int(match[1])], text)


def render_chat(tokenizer: Any, roles: Sequence[str], system: str = "", *, generation: bool = False) -> str:
    """The tokenizer's chat template with `placeholder(i)` as the content of turn i. Raises ValueError if
    there is no template."""
    if not tokenizer.chat_template:
        raise ValueError("the tokenizer has no chat template")
    opening = [{"role": "system", "content": system}] if system else []
    turns = [{"role": role, "content": placeholder(index)} for index, role in enumerate(roles)]
    rendered = tokenizer.apply_chat_template(
        [*opening, *turns], tokenize=False, add_generation_prompt=generation
    )
    return str(rendered)


def trim_like_template(tokenizer: Any, text: str) -> str:
    """`text` without outer blanks if the chat template trims contents, as Llama's does."""
    return text.strip() if "trim" in str(tokenizer.chat_template) else text
