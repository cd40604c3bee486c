"""Files of any shape: how their records are laid out, and which fields hold what."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import ipc, parquet
from sqlalchemy import select

from app.core.db import transaction
from app.core.errors import Invalid, NotFound
from app.exchange.field_mapping import FieldMapping, parse_mapping
from app.exchange.field_paths import list_paths, read_path
from app.exchange.file_reader import iter_entries
from app.exchange.file_stream import BadFile
from app.exchange.formats.base import ParseContext
from app.exchange.formats.mapped import FORMAT
from app.exchange.formats.registry import UnknownFormat
from app.exchange.json_decoding import RecordError, decode
from app.exchange.mapping_guess import guess_mapping
from app.exchange.models import RejectedRecord
from app.problems.models import ExternalLabel, Problem, Solution
from tests.factories.exchange import import_file

ROWS: list[dict[str, Any]] = [
    {"q": "A bus has 12 seats.\nHow many have 3 buses?", "a": "36"},
    {"q": 'She says "4, 5".', "a": "9"},
    {"q": "Wie viel ist 7 · 8?", "a": "56"},
]
MAPPING = parse_mapping("problem=q,answer=a")


def write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def write_layout(layout: str, path: Path) -> None:
    table = pyarrow.Table.from_pylist(ROWS)
    if layout == "parquet":
        parquet.write_table(table, path, row_group_size=2)
    elif layout in ("arrow", "stream"):
        with (ipc.new_file if layout == "arrow" else ipc.new_stream)(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    else:
        write_text(TEXTS[layout], path)


TEXTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "array": json.dumps(ROWS, indent=2),
    "objects": "\n".join(json.dumps(row, indent=4) for row in ROWS),
    "keyed": json.dumps({f"k-{at}": row for at, row in enumerate(ROWS)}, indent=1),
    "keyed on a line": json.dumps({f"k-{at}": row for at, row in enumerate(ROWS)}),
    "listed": json.dumps({"data": ROWS, "version": 1}),
    "commas": '\ufeffq,a\r\n"A bus has 12 seats.\nHow many have 3 buses?",36\r\n'
    '"She says ""4, 5"".",9\r\n\r\nWie viel ist 7 · 8?,56\r\n',
    "tabs": 'q\ta\n"A bus has 12 seats.\nHow many have 3 buses?"\t36\n'
    '"She says ""4, 5""."\t9\nWie viel ist 7 · 8?\t56\n',
    "semicolons": 'q;a\n"A bus has 12 seats.\nHow many have 3 buses?";36\n'
    '"She says ""4, 5"".";9\nWie viel ist 7 · 8?;56\n',
}
LAYOUTS = [*TEXTS, "parquet", "arrow", "stream"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_its_records_and_can_be_continued(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "records"
    write_layout(layout, path)
    entries = list(iter_entries(path))
    rows = [decode(entry.raw) for entry in entries]
    assert [{key: row[key] for key in ("q", "a")} for row in rows] == ROWS
    assert [row.get("_key") for row in rows] == [f"k-{at}" if "keyed" in layout else None for at in range(3)]
    for at, entry in enumerate(entries):
        rest = list(iter_entries(path, offset=entry.end, number=entry.number))
        assert [(e.number, e.raw) for e in rest] == [(e.number, e.raw) for e in entries[at + 1 :]]


def test_a_packed_table_is_read_and_its_bad_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"q,a\n1+1,2\n3,4,5\n\xff,6\n2+2,4\n"))
    entries = list(iter_entries(path))
    assert [entry.number for entry in entries] == [2, 3, 4, 5]
    errors = [str(entry.error) for entry in entries if entry.error]
    assert errors == [
        "It has 3 cells; the first row names 2. Put cells with a delimiter in quotes.",
        "It is not valid UTF-8. Save the file as UTF-8.",
    ]
    assert next(iter_entries(path, offset=entries[2].end, number=4)).raw == entries[3].raw


def test_files_that_are_cut_short_say_so(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    write_text(json.dumps({"a": ROWS[0], "b": ROWS[1]}, indent=1)[:-1], path)
    assert "cut short" in str(list(iter_entries(path))[-1].error)
    write_text("[ } ]", path)
    assert len(list(iter_entries(path))) == 1
    write_layout("parquet", path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadFile, match="damaged"):
        list(iter_entries(path))


def test_paths_lead_into_objects_and_lists() -> None:
    row = {"m": [{"role": "u", "t": "x"}, {"role": "a", "t": "y"}], "a.b": 1, "c": {"d": {"e": 2}}}
    assert read_path(row, "m.-1.t") == read_path(row, "m[1].t") == "y"
    assert read_path(row, "m.*.t") == read_path(row, "m[].t") == ["x", "y"]
    assert (read_path(row, "a.b"), read_path(row, "c.d.e")) == (1, 2)
    assert read_path(row, "m.7.t") is read_path(row, "c.x.y") is None
    assert list(list_paths([row])) == ["m", "m.*.role", "m.*.t", "a.b", "c", "c.d", "c.d.e"]


def test_a_mapping_is_a_text_and_its_errors_name_the_part() -> None:
    mapping = parse_mapping(r"problem=q, steps=out.text,separator=\n,\n,labels=l,count_from=1")
    assert mapping == FieldMapping(problem="q", steps="out.text", separator="\n,\n", labels="l", count_from=1)
    assert parse_mapping(mapping.to_text()) == mapping
    for text, message in {
        "problem": "no equals sign",
        "problem=q,stepz=s": "'stepz'",
        "answer=a": "problem=question",
        "problem=q,labels=l": "labels need steps",
        "problem=q,count_from=2": "count_from",
    }.items():
        with pytest.raises(Invalid, match=message):
            parse_mapping(text)


def parse(text: str, **row: Any) -> Any:
    return FORMAT.parse(
        {"q": "What is 1 + 1?", **row}, ParseContext(mapping=parse_mapping(f"problem=q,{text}"))
    )


def test_labels_of_every_kind_become_ratings() -> None:
    steps = ["a b", "c d", "e f"]
    for labels, ratings in (
        ([True, True, False], [1, 1, -1]),
        ([1, 0], [1, -1]),
        (["+", "-"], [1, -1]),
        ("+,+,-", [1, 1, -1]),
        ([0.9, 0.5, 0.2], [1, 1, -1]),
        (["positive", "neutral", "negative"], [1, 0, -1]),
    ):
        record = parse("steps=s,labels=l", s=steps, l=labels).solutions[0]
        assert record.external_ratings == ratings
        assert record.first_error == ratings.index(-1)
    soft = parse("steps=s,labels=l,threshold=0.6", s=steps, l=[0.9, 0.5, 0.2]).solutions[0]
    assert (soft.external_ratings, soft.detail) == ([1, -1, -1], {"step_values": [0.9, 0.5, 0.2]})
    neutral = parse("steps=s,labels=l,zero=neutral", s=steps, l=[1, 0, -1]).solutions[0]
    assert neutral.external_ratings == [1, 0, -1]
    nested = parse("steps=s.*.text,labels=s.*.ok", s=[{"text": text, "ok": text != "c d"} for text in steps])
    assert (nested.solutions[0].steps, nested.solutions[0].first_error) == (steps, 1)


def test_positions_of_errors_are_counted_from_the_number_of_the_first_step() -> None:
    steps = ["a b", "c d", "e f"]
    for value, first in ((2, 1), ("2", 1), ("N/A", -1), (-1, -1), (None, None)):
        assert parse("steps=s,first_error=e,count_from=1", s=steps, e=value).solutions[0].first_error == first
    many = parse("steps=s,error_steps=e,count_from=1", s=steps, e=[2, 3]).solutions[0]
    assert (many.first_error, many.external_ratings) == (1, [1, -1, -1])
    for text, row in (
        ("first_error=e", {"e": 3}),
        ("error_steps=e", {"e": [5]}),
        ("labels=e", {"e": [1] * 4}),
    ):
        with pytest.raises(RecordError, match="3 steps"):
            parse(f"steps=s,{text}", s=steps, **row)
    with pytest.raises(RecordError, match="'maybe'"):
        parse("steps=s,labels=e", s=steps, e=["maybe"])


def test_free_text_conversations_and_several_solutions() -> None:
    line = FORMAT.parse(
        {
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "6 * 7?"}],
            "outs": ["6 * 7 is 42.\n\nThe answer is 42.", "I guess.\n\nThe answer is 43."],
            "ok": [True, False],
            "gold": "6 * 7 = 42\n#### 42",
        },
        ParseContext(
            "blank", mapping=parse_mapping("problem=messages,solutions=outs,verdict=ok,answer=gold")
        ),
    )
    assert line.problem is not None
    assert (line.problem.statement, line.problem.reference_answer) == ("6 * 7?", "42")
    assert line.problem.reference_solution == "6 * 7 = 42\n#### 42"
    assert [solution.final_answer for solution in line.solutions] == ["42", "43"]
    assert [solution.file_verdict for solution in line.solutions] == ["correct", "incorrect"]
    assert [len(solution.steps) for solution in line.solutions] == [2, 2]
    cut = parse("steps=s,separator=;", s="one; two;").solutions[0]
    assert cut.steps == ["one", "two"]


@pytest.mark.parametrize(
    ("row", "mapping"),
    [
        ({"question": "Q?", "response": "Some text here."}, "problem=question,steps=response"),
        (
            {"question": "Q?", "completions": ["a", "b"], "labels": [1, 0]},
            "problem=question,labels=labels,steps=completions",
        ),
        ({"problem": "Q?", "solution": "Long text.", "answer": "4"}, "problem=problem,answer=answer,"
         "reference_solution=solution"),
        ({"id": 7, "prompt": "Q?", "generations": ["a b", "c d"], "model": "m"},
         "problem=prompt,solutions=generations,generator=model"),
        (
            {"query": "Q?", "steps": [{"text": "a", "rating": 1}, {"text": "b", "rating": -1}], "gt": 5},
            "problem=query,labels=steps.*.rating,steps=steps,answer=gt",
        ),
        ({"x": 1, "y": 2}, ""),
    ],
)  # fmt: skip
def test_a_mapping_is_guessed_from_names_and_values(row: dict[str, Any], mapping: str) -> None:
    guess = guess_mapping([row])
    assert ",".join(f"{target}={path}" for target, path in guess.items()) == mapping


@pytest.mark.usefixtures("database")
def test_an_unknown_file_leads_to_the_mapping_which_is_kept_for_the_next(tmp_path: Path) -> None:
    rows = [{"question": "What is 2 + 5?", "chain": ["2 + 5", "is 8"], "ok": [1, 0], "target": "7"},
            {"question": "What is 3 + 5?", "chain": ["", "is 8"], "ok": [1, 1], "target": "8"}]  # fmt: skip
    path, later = tmp_path / "mine.jsonl", tmp_path / "later.json"
    write_text("\n".join(map(json.dumps, rows)), path)
    write_text(json.dumps([{**rows[1], "chain": ["3 + 5", "is 8"]}], indent=1), later)
    with pytest.raises(UnknownFormat, match="fields question, chain, ok, target") as unknown:
        import_file(path)
    assert "--map problem=question,answer=target" in unknown.value.remedy
    mapping = parse_mapping("problem=question,steps=chain,labels=ok,answer=target")
    done = import_file(path, mapping=mapping, mapping_name="my model")
    assert (done.format, done.account["new"], done.account["errors"]) == ("mapped", 1, 1)
    assert import_file(path, mapping=mapping, mapping_name="my model").account["duplicates"] == 1
    with pytest.raises(NotFound, match="no mapping named 'other'"):
        import_file(later, mapping_name="other")
    next_file = import_file(later)
    assert (next_file.account["new"], next_file.parsed_config.mapping_name) == (1, "my model")
    with transaction() as db:
        assert {problem.reference_answer for problem in db.scalars(select(Problem))} == {"7", "8"}
        labels = [(label.source, label.ratings) for label in db.scalars(select(ExternalLabel))]
        assert sorted(labels) == [("file:my model", [1, -1]), ("file:my model", [1, 1])]
        assert len(db.scalars(select(Solution)).all()) == 2
        rejected = db.scalars(select(RejectedRecord)).first()
        assert rejected is not None
        assert "empty" in rejected.message
