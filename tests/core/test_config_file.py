"""A settings file: its troubles by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import config_file
from app.core.errors import Invalid


def test_an_object_is_read_and_no_file_is_empty(tmp_path: Path) -> None:
    assert config_file.read_config(None) == {}
    path = tmp_path / "round.json"
    path.write_bytes(b'\xef\xbb\xbf{"policy": {"size": 7}}')  # as some editors save it
    assert config_file.read_config(path) == {"policy": {"size": 7}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{\n  "policy": {,\n}', "line 2, column 14"),
        (b"", "line 1, column 1"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[1, 2]", "one JSON object"),
        (b"[" * 100_000, "too deep"),
    ],
)
def test_what_is_wrong_is_told_by_place(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "round.json"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=says) as wrong:
        config_file.read_config(path)
    assert str(path) in wrong.value.message
    assert wrong.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"gone\.json cannot be read: No such file"):
        config_file.read_config(tmp_path / "gone.json")
