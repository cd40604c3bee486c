"""PRM800K rows come back equal as JSON: the real ones, and every shape the format allows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.exchange import importer
from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
from app.exchange.formats.base import ParseContext
from app.exchange.formats.registry import parse_record
from app.exchange.models import Import
from app.exchange.row_patches import apply_patch, build_patch, equal_as_json
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories import selection


# ruff: noqa: E501
def start_project(name: str = "Round trip") -> None:
    with transaction() as db:
        db.add(Project(name=name, slug=name.lower().replace(" ", "-")))


def bring(path: Path, **options: object) -> Import:
    with transaction() as db:
        project = db.query(Project).one()
        begun = importer.create_import(db, project, path, **options)  # type: ignore[arg-type]
    return importer.run_import(begun.id)


def take(chosen: Prm800kParameters | None = None) -> list[dict]:
    with transaction() as db:
        project = db.query(Project).one()
        lines = b"".join(FORMAT.rows(db, project.id, chosen or Prm800kParameters()))
    return [json.loads(line) for line in lines.splitlines()]


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
some_text = st.one_of(
    text, st.sampled_from(["2 + 2 = 4", "# Answer\n\n4", '{"a"}', "\\N", "a\tb\\", "NULL", ""])
)
flag = st.sampled_from([None, True, False])
completion = st.fixed_dictionaries(
    {"text": some_text, "rating": st.sampled_from([None, -1, 0, 1]), "flagged": flag},
    optional={"source": st.just("human")},
)
human = st.fixed_dictionaries(
    {"text": some_text, "rating": st.none(), "source": st.just("human")}, optional={"flagged": flag}
)


@st.composite
def label_step(draw: st.DrawFn) -> dict:
    completions = draw(st.none() | st.lists(completion, max_size=4))
    chosen = draw(st.none() | st.integers(0, len(completions) - 1)) if completions else None
    return {
        "completions": completions,
        "human_completion": draw(st.none() | human),
        "chosen_completion": chosen,
    }


@st.composite
def row(draw: st.DrawFn) -> dict:
    question = {"problem": draw(st.sampled_from(["1 + 1?", "Convert $x$."]))}
    question["ground_truth_answer"] = draw(st.none() | some_text)
    if draw(st.booleans()):
        question |= {
            "ground_truth_solution": draw(st.none() | some_text),
            "pre_generated_steps": draw(st.lists(some_text, max_size=4)),
            "pre_generated_answer": draw(st.none() | some_text),
            "pre_generated_verifier_score": draw(
                st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 1)
            ),
        }
    built = {
        "labeler": draw(
            st.uuids().map(str) | st.sampled_from(["anna", "E90A38F3-3135-4465-87AF-3E6322E3D772"])
        ),
        "timestamp": draw(st.datetimes().map(lambda t: t.isoformat()) | st.just("2022-07-30T23:23:32.120Z")),
        "generation": draw(st.none() | st.integers(-1, 10)),
        "is_quality_control_question": draw(st.booleans()),
        "is_initial_screening_question": draw(st.booleans()),
        "question": question,
        "label": {
            "steps": draw(st.lists(label_step(), max_size=4)),
            "total_time": draw(st.integers(0, 10**7) | st.floats(0, 1e9) | st.none()),
            "finish_reason": draw(st.sampled_from(["solution", "found_error", "bad_problem", "give_up"])),
        },
    }
    if draw(st.booleans()):
        built["extra"] = draw(st.dictionaries(text, st.none() | st.integers(-5, 5) | text, max_size=2))
    return built


@pytest.mark.usefixtures("database")
@settings(
    max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    rows=st.lists(
        row(), min_size=1, max_size=25, unique_by=lambda row_json: json.dumps(row_json, sort_keys=True)
    )
)
def test_every_shape_comes_back_equal(rows: list[dict], tmp_path_factory: pytest.TempPathFactory) -> None:
    with transaction() as db:
        for table in ("import", "project"):
            db.connection().exec_driver_sql(f'DELETE FROM "{table}"')
    start_project()
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row_json) for row_json in rows), encoding="utf-8")
    done = bring(path)
    assert (done.state, done.counts["errors"]) == ("succeeded", 0)
    assert take() == rows
    again = bring(path)
    assert again.counts["labels"] == 0
    assert again.counts["duplicates"] == len(rows)
    assert take() == rows


@pytest.mark.usefixtures("database")
def test_the_real_rows_come_back_equal(shared_data: Path) -> None:
    start_project()
    samples = shared_data / "prm800k" / "samples.jsonl"
    done = bring(samples)
    assert done.counts["labels"] == 6
    expected = [json.loads(line) for line in samples.read_text().splitlines()]
    assert take() == expected
    chosen = Prm800kParameters(generation=["none"], finish_reason=["give_up"])
    assert take(chosen) == [expected[4]]
    assert take(Prm800kParameters(kind=["screening"])) == [expected[5]]
    assert take(Prm800kParameters(labeler=["cc88bf76-df08-4041-be67-3464279cb3b1"])) == [expected[1]]


def test_a_patch_tells_one_from_true() -> None:
    assert not equal_as_json(1, True)
    assert not equal_as_json(0, False)
    assert equal_as_json({"a": 1, "b": 2}, {"b": 2, "a": 1})
    ours = {"question": {"a": 1, "b": 2}, "kind": "x", "label": {}}
    theirs = {"question": {"a": True}, "more": [1], "label": {}}
    assert apply_patch(ours, build_patch(ours, theirs)) == theirs


def test_a_label_is_kept_under_its_own_prefix() -> None:
    """Phase 1: alternatives stay at their position, the chain is what was chosen or written."""
    label = {
        "steps": [
            {"completions": [{"text": "a", "rating": 1, "flagged": None}], "human_completion": None, "chosen_completion": 0},
            {"completions": [{"text": "b", "rating": -1, "flagged": None}], "chosen_completion": None,
             "human_completion": {"text": "c", "rating": None, "source": "human", "flagged": False}},
            {"completions": None, "human_completion": None, "chosen_completion": None},
        ],
        "total_time": 5, "finish_reason": "give_up",
    }  # fmt: skip
    raw = {
        "labeler": "anna", "timestamp": "2022-07-30T23:23:32", "generation": None,
        "is_quality_control_question": False, "is_initial_screening_question": False,
        "question": {"problem": "?", "ground_truth_answer": "1"}, "label": label,
    }  # fmt: skip
    line = parse_record("prm800k", json.dumps(raw).encode(), ParseContext())
    assert line.solutions[0].steps == ["a", "c"]
    assert line.label is not None
    assert [step.texts for step in line.label.steps] == [["a"], ["b"], None]


@pytest.mark.parametrize(("total", "active", "exported"), [(None, 1_500, 1_500), (9, 5, 9), (None, None, 0)])
def test_the_total_time_of_a_submission_is_a_number(
    db: Session, total: int | None, active: int | None, exported: int
) -> None:
    project = factories.project(db)
    task = factories.task(db, factories.solution(db, factories.problem(db, project)))
    submission = selection.labeled(db, task, factories.member(db, project), [1, 1])
    submission.total_time_ms, submission.active_time_ms = total, active
    db.flush()
    (line,) = FORMAT.rows(db, project.id, Prm800kParameters())
    assert json.loads(line)["label"]["total_time"] == exported
