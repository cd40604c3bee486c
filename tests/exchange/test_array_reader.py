"""Arrays are cut into elements wherever a chunk of the file ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange import file_stream
from app.exchange.file_reader import iter_entries

text = st.text(st.sampled_from('a"\\[]{},: \n\té\u2028')) | st.text()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(elements=st.lists(values, max_size=5), chunk=st.integers(1, 9), indent=st.none() | st.integers(0, 2))
def test_every_element_comes_back(
    elements: list[object], chunk: int, indent: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("array") / "array.json"
    content = json.dumps(elements, indent=indent, ensure_ascii=False)
    path.write_text("\ufeff" + content, encoding="utf-8", errors="surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_stream, "CHUNK_SIZE", chunk)
        entries = list(iter_entries(path))
        assert [json.loads(entry.raw.decode("utf-8", "surrogatepass")) for entry in entries] == elements
        assert [entry.number for entry in entries] == list(range(1, len(elements) + 1))
        for position, entry in enumerate(entries):
            rest = list(iter_entries(path, offset=entry.end, number=entry.number))
            assert [item.raw for item in rest] == [later.raw for later in entries[position + 1 :]]


def test_a_malformed_element_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    path.write_text('[{"a": 1}, {"a": NaN}, nonsense, {"a": 3}]')
    assert [entry.raw for entry in iter_entries(path)] == [
        b'{"a": 1}',
        b'{"a": NaN}',
        b"nonsense",
        b'{"a": 3}',
    ]
