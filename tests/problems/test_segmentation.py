"""Where free text is cut, and where it must not be."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from app.problems.segmentation import segment, without_calculator


@pytest.mark.parametrize(
    ("how", "text", "steps"),
    [
        ("line", "a\n\n b\r\nc", ["a", "b", "c"]),
        ("line", "We get \\[\nx = 1\n\\] so\ndone", ["We get \\[\nx = 1\n\\] so", "done"]),
        ("blank", "a\nb\n\nc", ["a\nb", "c"]),
        ("blank", "a\n\n\\[ x\n\ny \\]", ["a", "\\[ x\n\ny \\]"]),
        ("numbered", "So:\n1. Add.\n2. Take.", ["So:", "1. Add.", "2. Take."]),
        ("numbered", "Step 1: Add 1.5 to it.\nStep 2: Done.", ["Step 1: Add 1.5 to it.", "Step 2: Done."]),
        ("sentence", "It is 3.14 m. Then we add, e.g. five. Done!", ["It is 3.14 m.", "Then we add, e.g. five.", "Done!"]),
        ("sentence", "Dr. Who has $x. Y$ left. So 2.", ["Dr. Who has $x. Y$ left.", "So 2."]),
    ],
)  # fmt: skip
def test_cuts(how: str, text: str, steps: list[str]) -> None:
    assert segment(text, how) == steps


def test_calculator_marks_leave_their_result() -> None:
    assert without_calculator("48/2 = <<48/2=24>>24 clips") == "48/2 = 24 clips"
