"""Formats are objects in a registry: one that is added at run time works everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.accounts.audit import list_events
from app.cli import cli
from app.core.db import transaction
from app.exchange import importer
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.exports.base import ExportParameters, Options, TableFormat
from app.exchange.exports.registry import register_export_format, unregister_export_format
from app.exchange.field_parsers import Row, parse_text
from app.exchange.formats import IMPORT_FORMATS
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.registry import register_import_format, unregister_import_format
from app.exchange.models import Import
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord
from app.main import create_app
from app.problems.models import Solution
from app.problems.segmentation import segment
from tests.factories import base as factories

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"


class RiddleFormat(RecordFormat):
    """A riddle and its solution, with steps divided by semicolons or as the user chooses."""

    id = "riddle"
    label = "Riddles"
    reads = "`riddle`, `thoughts`"
    keeps = "the riddle as the problem"
    ask_segmentation = True

    def detect(self, row: Row) -> bool:
        return "riddle" in row

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        name = parse_text(row, "riddle")
        steps = segment(parse_text(row, "thoughts"), context.segmentation)
        return ImportedRecord(
            problem=ProblemRecord(external_id=f"riddle:{name}", statement=name, reference_answer="7"),
            solutions=[SolutionRecord(external_id=f"thoughts:{name}", steps=steps)],
        )


class LengthParameters(ExportParameters):
    at_least: int = Field(0, ge=0, title="Minimum steps", description="Only solutions of so many steps.")


class SolutionLengths:
    """The number of steps of each solution."""

    id = "lengths"
    label = "Solution lengths"
    description = "Solutions with their number of steps."
    unit = "length"
    parameters = LengthParameters

    def count(self, db: Session, project_id: int, parameters: LengthParameters) -> int:
        return len(list(self.rows(db, project_id, parameters)))

    def rows(self, db: Session, project_id: int, parameters: LengthParameters) -> Iterator[bytes]:
        steps = func.cardinality(Solution.steps)
        query = select(Solution.external_id, steps).where(Solution.project_id == project_id)
        for name, length in db.execute(query.where(steps >= parameters.at_least)):
            yield orjson.dumps({"solution": name, "steps": length}) + b"\n"

    def options(self, db: Session, project_id: int) -> Options:
        return {}


@pytest.fixture
def lengths() -> Iterator[SolutionLengths]:
    format = SolutionLengths()
    register_export_format(format)
    yield format
    unregister_export_format(format.id)


@pytest.fixture
def riddle() -> Iterator[RiddleFormat]:
    format = RiddleFormat()
    register_import_format(format, before="gsm8k")
    yield format
    unregister_import_format(format.id)


def test_a_registered_import_format_is_used_everywhere(
    riddle: RiddleFormat, database: str, home: Path
) -> None:
    record = {"riddle": "Six and one?", "thoughts": "We add. It is seven."}
    with transaction() as db:
        project = factories.project(db, "Riddles")
        admin = factories.member(db, project, "admin")
    with TestClient(create_app(), headers={"Sec-Fetch-Site": "same-origin"}) as web:
        with transaction() as db:
            factories.sign_in(web, db, admin)
        assert "Riddles" in web.get("/projects/riddles/imports").text
        answer = web.post(
            "/api/v1/projects/riddles/imports?segmentation=sentence", content=json.dumps(record).encode()
        )
        assert (answer.status_code, answer.json()["format"]) == (202, "riddle")
        importer.run_import(answer.json()["id"])
        state = web.get(f"/api/v1/projects/riddles/imports/{answer.json()['id']}").json()
        assert (state["state"], state["counts"]["solutions"]) == ("succeeded", 1)
    with transaction() as db:
        assert db.scalars(select(Solution.steps)).one() == ["We add.", "It is seven."]
        assert db.scalars(select(Import.format)).one() == "riddle"
    listed = CliRunner().invoke(cli, ["import", "--list-formats"])
    assert (listed.exit_code, "Riddles" in listed.output) == (0, True)


def test_a_registered_export_format_is_used(
    lengths: SolutionLengths, database: str, home: Path, tmp_path: Path
) -> None:
    with transaction() as db:
        project = factories.project(db, "Lengths")
        problem = factories.problem(db, project)
        factories.solution(db, problem, ("a", "b"), external_id="two")
        factories.solution(db, problem, ("a", "b", "c"), external_id="three")
        admin = factories.member(db, project, "admin")
    with TestClient(create_app(), headers={"Sec-Fetch-Site": "same-origin"}) as web:
        with transaction() as db:
            factories.sign_in(web, db, admin)
        page = web.get("/projects/lengths/exports").text
        assert "Minimum steps" in page
        assert "Download 2 lengths" in page
        answer = web.get("/api/v1/projects/lengths/exports/lengths?at_least=3")
        assert answer.json() == {"solution": "three", "steps": 3}
        assert web.get("/projects/lengths/exports/lengths.jsonl?at_least=3").json() == answer.json()
        assert web.get("/api/v1/projects/lengths/exports/lengths?at_least=-1").status_code == 422
    out = tmp_path / "lengths.jsonl"
    command = ["export", "lengths", "--project", "lengths", "--out", str(out), "--at-least", "3"]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert (done.exit_code, json.loads(out.read_text())) == (0, answer.json())
    with transaction() as db:
        events = list_events(db, action="export.lengths")
        assert {str(event.detail["filters"]) for event, _ in events} == {"{'at_least': 3}"}
        assert len(events) == 3


def test_detection_tries_the_formats_in_the_order_of_the_registry(riddle: RiddleFormat) -> None:
    order = list(IMPORT_FORMATS)
    assert order.index("riddle") == order.index("gsm8k") - 1
    with pytest.raises(ValueError, match="already registered"):
        register_import_format(riddle)


def test_every_import_format_has_its_row_in_the_docs() -> None:
    text = DOCS.read_text()
    for format in IMPORT_FORMATS.values():
        assert f"| `{format.id}` | {format.reads} | {format.keeps} |" in text


def test_every_export_format_has_its_section_in_the_docs() -> None:
    text = DOCS.read_text()
    for format in EXPORT_FORMATS.values():
        assert f"| `{format.id}` | {format.description} |" in text
        for name, field in format.parameters.model_fields.items():
            assert field.deprecated or f"| `{name}` | {field.description} |" in text


def test_every_described_column_is_in_the_docs() -> None:
    text = DOCS.read_text()
    for format in EXPORT_FORMATS.values():
        if isinstance(format, TableFormat):
            for name, field in format.columns.model_fields.items():
                assert not field.description or f"`{name}`" in text
