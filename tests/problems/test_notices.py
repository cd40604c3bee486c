"""What a preview reports, and which segmentation it suggests."""

from __future__ import annotations

import pytest

from app.problems.segmentation.notices import Sample, find_notices, suggest_segmentation


def test_each_kind_is_reported_once_with_its_lines() -> None:
    samples = [
        Sample(9, ["a", "```", "x"]),
        Sample(2, ["a"] * 60),
        Sample(4, ["a"], free_text="a"),
        Sample(3, ["<think>a</think>", "b"]),
        Sample(3, ["<think>c", "d"]),
        Sample(5, ["1. a", "2. b"], free_text="1. a\n2. b"),
    ]
    notices = {notice.code: notice for notice in find_notices(samples, "numbered")}
    assert {code: notice.lines for code, notice in notices.items()} == {
        "thinking": (3,),
        "open_fence": (9,),
        "no_numbers": (4,),
        "many_steps": (2,),
    }
    assert notices["thinking"].message.startswith("2 solutions have thinking")
    assert notices["no_numbers"].message.startswith("1 solution has no numbered steps")


def test_a_plain_file_is_reported_without_notices() -> None:
    assert find_notices([Sample(1, ["a", "```\nx\n```"], free_text="a\n```\nx\n```")], "line") == []
    assert find_notices([Sample(1, ["a"], free_text="a")], "line") == []
    assert find_notices([Sample(1, ["a"])], "numbered") == []


@pytest.mark.parametrize(
    ("texts", "suggestion"),
    [
        ([], None),
        (["2 + 2 = 4\n4 + 1 = 5"] * 3, None),
        (["One.\n\nTwo."], None),
        (["One.\n\nTwo.\n \nThree."] * 2 + ["One."], "model_output"),
        (["a"] * 9 + ["<think>a</think>b"], "model_output"),
        (["a"] * 9 + ["```\nx\n```"], "model_output"),
    ],
)
def test_the_suggestion_follows_the_texts(texts: list[str], suggestion: str | None) -> None:
    assert suggest_segmentation(texts) == suggestion
