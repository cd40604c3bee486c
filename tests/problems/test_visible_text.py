"""Whether a step shows anything."""

from __future__ import annotations

import pytest

from app.problems.segmentation import is_visible_text


@pytest.mark.parametrize(
    "text",
    ["", " \t\n", "\u00a0", "\u3000\u200b", "\u00ad", "\u200c\u200d\u2060", "\ufeff", "\u202e\u2066", 
     "\u2800", "\u3164\u115f", "\ufe0f", "\U000e0041", "\0", "\u2028", "$ $", "\\[\n\\]"],
)  # fmt: skip
def test_nothing_is_shown(text: str) -> None:
    assert not is_visible_text(text)


@pytest.mark.parametrize(
    "text", ["a", ".", "\u00a0-\u200b", "好", "\u05d0", "$x$", "$", "\u2764\ufe0f", "~", "\u0663"]
)
def test_something_is_shown(text: str) -> None:
    assert is_visible_text(text)
