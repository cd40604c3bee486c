"""The thinking of a model apart from its final answer."""

from __future__ import annotations

import pytest

from app.problems.segmentation import SEGMENTATIONS, segment, split_thinking


def spans(text: str) -> list[tuple[str, bool]]:
    return [(text[part.start : part.end], part.is_thinking) for part in split_thinking(text)]


@pytest.mark.parametrize(
    ("text", "thinking", "final"),
    [
        ("<think>a</think>b", "<think>a</think>", "b"),
        ("<THINKING>\na\n</THINKING>\n\nb", "<THINKING>\na\n</THINKING>", "\n\nb"),
        ("[THINK]a[/THINK]b", "[THINK]a[/THINK]", "b"),
        ("a\n</think>\n\nb", "a\n</think>", "\n\nb"),
        ("<think>\na, cut off", "<think>\na, cut off", ""),
        ("<think>\n<think>\na\n</think>\nb", "<think>\n<think>\na\n</think>", "\nb"),
        ("<think>a<think>b</think>c</think>d", "<think>a<think>b</think>c</think>", "d"),
        ("<think>a\n</think>\nb\n</think>\nc", "<think>a\n</think>\nb\n</think>", "\nc"),
        ("<think>a</thinking>b", "<think>a</thinking>", "b"),
        ("<think>\n```\nx\n</think>\nb\n```\ny\n```", "<think>\n```\nx\n</think>", "\nb\n```\ny\n```"),
        (
            "<think>\n```\n# </think>\n```\na\n</think>\nb",
            "<think>\n```\n# </think>\n```\na\n</think>",
            "\nb",
        ),
        ("<think>`</think>` ends it\n</think>b", "<think>`</think>` ends it\n</think>", "b"),
    ],
)
def test_thinking_ends_before_the_final_part(text: str, thinking: str, final: str) -> None:
    assert spans(text) == [(thinking, True), *([(final, False)] if final else [])]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing to see",
        "<think>\n\n</think>\n\nb",
        "The tag <think> opens it, as `</think>` closes it",
        "```xml\n<think>a</think>\n```",
        "The closing tag </think> is not ours",
    ],
)
def test_a_text_without_thinking_is_final(text: str) -> None:
    assert spans(text) == [(text, False)]


def test_parts_cover_the_text_in_order() -> None:
    text = "One.\n<think>two</think>\nThree.\n<reasoning>\nfour\n</reasoning>\n\n"
    parts = spans(text)
    assert "".join(part for part, _ in parts) == text
    assert [is_thinking for _, is_thinking in parts] == [False, True, False, True]
    assert not split_thinking("<think>\nand so on")[0].is_closed


@pytest.mark.parametrize("how", SEGMENTATIONS)
def test_no_step_mixes_thinking_and_final_answer(how: str) -> None:
    steps = segment("<think>\n1. Is it $4? Yes\n</think>It is $4, so\n2. we stop", how)
    assert not any("Yes" in step and "It is" in step for step in steps)
    assert "<think>" not in steps
    assert "</think>" not in steps
