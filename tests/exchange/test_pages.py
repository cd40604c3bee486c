"""Upload, look, import, and the pages around it."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.models import Import
from tests.factories import base as factories

LINE = b'{"question": "What is 2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\\n#### 4"}\n{"broken"\n'


def test_from_upload_to_queued(web: TestClient, db: Session, home: Path) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    base = f"/projects/{project.slug}"
    assert "No imports yet" in web.get(f"{base}/imports").text
    sent = web.post(f"{base}/uploads", files={"file": ("../train.jsonl", LINE)})
    assert sent.status_code == 303
    page = web.get(sent.headers["location"])
    assert page.status_code == 200
    assert "GSM8K problems" in page.text
    assert "rejected" in page.text
    assert "What is 2 + 2?" in page.text
    token = sent.headers["location"].rpartition("/")[2]
    begun = web.post(f"{base}/imports", data={"upload": token, "format": "gsm8k", "split": "train"})
    assert begun.status_code == 303
    created = db.scalars(select(Import)).one()
    assert (created.format, created.state, Path(created.path).name) == ("gsm8k", "queued", "train.jsonl")
    assert home in Path(created.path).parents
    assert web.get(begun.headers["location"]).status_code == 200
    going = web.get(f"{base}/imports/{created.id}/progress")
    assert "hx-get" in going.text
    assert "HX-Refresh" not in going.headers
    assert web.post(f"{base}/imports/{created.id}/cancellation").status_code == 303
    assert web.get(f"/api/v1/projects/{project.slug}/imports/{created.id}").json()["state"] == "cancelled"
    over = web.get(f"{base}/imports/{created.id}/progress")
    assert "hx-get" not in over.text
    assert over.headers["HX-Refresh"] == "true"
    raw = web.post(f"/api/v1/projects/{project.slug}/imports?filename=test.jsonl", content=LINE)
    assert (raw.status_code, raw.json()["split"]) == (202, "test")


def test_imports_by_the_api_take_parameters_from_the_query_and_the_form(
    web: TestClient, db: Session, home: Path
) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    api, file = f"/api/v1/projects/{project.slug}/imports", {"file": ("a.jsonl", LINE)}
    first = web.post(api, files=file, data={"split": "validation", "grade": "false"}).json()
    assert (first["split"], first["state"], first["counts"]["lines"]) == ("validation", "queued", 0)
    assert db.get_one(Import, first["id"]).parsed_config.grade is False
    second = web.post(api, params={"split": "test"}, files=file).json()
    assert second["split"] == "test"
    for parameters, fields in (({"splits": "test"}, {}), ({}, {"splits": "test"})):
        refused = web.post(api, params=parameters, data=fields, files=file)
        assert (refused.status_code, "'splits'" in refused.json()["message"]) == (422, True)
    listed = web.get(api).json()
    assert [row["id"] for row in listed["imports"]] == [second["id"], first["id"]]
    older = web.get(api, params={"cursor": second["id"]}).json()
    assert older == {"imports": [listed["imports"][1]], "next_cursor": None}
    assert web.get(f"{api}/{first['id']}/errors").json() == {"errors": [], "next_cursor": None}


def test_the_preview_suggests_a_segmentation_and_reports_what_it_noticed(
    web: TestClient, db: Session, home: Path
) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    texts = ["<think>\nIs it 5?\n\nYes.\n</think>\n\n# Answer\n\n5", "We run\n\n```python\nx = 5", "a\n" * 60]
    rows = [{"kind": "problem", "id": "p", "statement": "What is 2 + 3?", "answer": "5"}]
    rows += [
        {"kind": "solution", "id": f"s{at}", "problem": "p", "text": text} for at, text in enumerate(texts)
    ]
    file = "\n".join(json.dumps(row) for row in rows).encode()
    sent = web.post(f"/projects/{project.slug}/uploads", files={"file": ("train.jsonl", file)})
    page = web.get(sent.headers["location"]).text
    assert '<option value="model_output" selected>' in page
    assert "look like model output" in page
    assert "1 solution has thinking" in page
    assert "1 solution has a code block that is never closed" in page
    assert "60 steps or more" not in page
    assert "no numbered steps" not in page
    by_line = web.get(sent.headers["location"], params={"segmentation": "line"}).text
    assert '<option value="line" selected>' in by_line
    assert "look like model output" not in by_line
    assert "1 solution has 60 steps or more" in by_line
    numbered = web.get(sent.headers["location"], params={"segmentation": "numbered"}).text
    assert "2 solutions have no numbered steps" in numbered


def test_a_file_of_no_format_leads_to_the_form_of_its_mapping(
    web: TestClient, db: Session, home: Path
) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    base = f"/projects/{project.slug}"
    table = b"frage;weg\nWhat is 4 + 5?;4 + 5 is 10"
    sent = web.post(f"{base}/uploads", files={"file": ("mine.csv", table)})
    page = web.get(sent.headers["location"])
    assert page.status_code == 200
    assert "Name the field that holds the problem" in page.text
    assert '<option value="frage">' in page.text
    assert ">Import</button>" not in page.text
    fields = {"format": "mapped", "field.problem": "frage", "field.steps": "weg"}
    preview = web.get(sent.headers["location"], params=fields).text
    assert "What is 4 + 5?" in preview
    assert 'name="map" value="problem=frage,steps=weg"' in preview
    wrong = web.get(sent.headers["location"], params={**fields, "field.count_from": "5"}).text
    assert "count_from" in wrong
    assert ">Import</button>" not in wrong
    token = sent.headers["location"].rpartition("/")[2]
    form = {"upload": token, "format": "mapped", "map": "problem=frage,steps=weg", "mapping": "two columns"}
    assert web.post(f"{base}/imports", data=form).status_code == 303
    again = web.post(f"{base}/uploads", files={"file": ("next.csv", table)})
    assert 'value="two columns"' in web.get(again.headers["location"]).text
    started = web.post(f"/api/v1{base}/imports?filename=a.csv&mapping=two columns", content=table)
    assert started.status_code == 202
    mapping = started.json()["mapping"]
    assert (mapping["problem"], mapping["steps"], mapping["labels"]) == ("frage", "weg", "")
    unknown = web.post(f"/api/v1{base}/imports?filename=a.csv&map=problem", content=table)
    assert unknown.status_code == 422
    assert "equals sign" in unknown.text


def test_problems_and_exports_are_shown(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    solution = factories.solution(db, factories.problem(db, project, "A quaint problem"))
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    base = f"/projects/{project.slug}"
    assert "A quaint problem" in web.get(f"{base}/problems?q=QUAINT&verdict=correct").text
    assert "A quaint problem" not in web.get(f"{base}/problems?verdict=incorrect").text
    assert "2 + 2 = 4" in web.get(f"{base}/problems/{solution.problem_id}").text
    assert "Download 0 rows" in web.get(f"{base}/exports").text
    part = web.get(f"{base}/exports?kind=gold", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert web.get(f"{base}/exports?generation=x").status_code == 422


def test_labelers_and_strangers_stay_out(web: TestClient, db: Session) -> None:
    project, other = factories.project(db), factories.project(db)
    strange = factories.problem(db, other)
    factories.sign_in(web, db, factories.member(db, project))
    for page in ("imports", "exports", "problems", "exports/prm800k.jsonl"):
        assert web.get(f"/projects/{project.slug}/{page}").status_code == 403
        assert web.get(f"/projects/{other.slug}/{page}").status_code == 404
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    assert web.get(f"/projects/{project.slug}/problems/{strange.id}").status_code == 404
