"""Unknown query parameters are refused by name, on every route of the API and on downloads."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from app.core.errors import Invalid
from app.core.parameters import parse_parameters
from app.exchange.exports.prm800k_rows import Prm800kParameters
from app.main import create_app
from tests.factories import base as factories


def list_api_routes() -> list[tuple[str, str]]:
    schema = create_app().openapi()
    return [
        (method.upper(), path)
        for path, operations in schema["paths"].items()
        if path.startswith("/api/v1/")
        for method in operations
    ]


def test_no_api_route_takes_a_parameter_it_does_not_declare(web: TestClient, db: Session) -> None:
    admin = factories.user(db, is_admin=True)
    factories.sign_in(web, db, admin)
    routes = list_api_routes()
    assert len(routes) > 40
    for method, path in routes:
        address = path.replace("{", "").replace("}", "")
        for name in ("assignment_id", "import_id", "model_id", "solution_id", "problem_id", "slug", "name"):
            address = address.replace(name, "1")
        answer = web.request(method, address, params={"gen": "1"})
        if answer.status_code == 404:  # a path parameter of another form
            continue
        assert answer.status_code == 422, (method, path, answer.status_code)
        assert "'gen'" in answer.json()["message"], (method, path)


def test_exports_refuse_what_would_filter_nothing(web: TestClient, db: Session) -> None:
    project = factories.project(db, "Sums")
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    for address in (
        "/api/v1/projects/sums/exports/prm800k",
        "/projects/sums/exports/prm800k.jsonl",
        "/projects/sums/exports",
        "/api/v1/projects/sums/exports/sft",
    ):
        answer = web.get(address, params={"gen": "1"}, headers={"Accept": "application/json"})
        assert (answer.status_code, "'gen'" in answer.json()["message"]) == (422, True), address
        assert ("seed" if address.endswith("sft") else "generation") in answer.json()["remedy"]
    assert web.get("/projects/sums/exports?generation=1&generation=2").status_code == 200
    refused = web.get("/api/v1/projects/sums/exports/prm800k?generation=x")
    assert (refused.status_code, "Unknown" in refused.text) == (422, False)
    assert web.get("/api/v1/projects/sums/imports?cursor=3").status_code == 200


def test_pages_refuse_a_filter_that_they_do_not_have(web: TestClient, db: Session) -> None:
    project = factories.project(db, "Sums")
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    pages = ("problems", "solutions", "runs", "history", "imports", "quality/adjudications", "lab")
    for page in pages:
        address = f"/projects/sums/{page}"
        assert web.get(address).status_code == 200, address
        refused = web.get(address, params={"verdikt": "incorrect"})
        assert (refused.status_code, "verdikt" in refused.text) == (422, True), address
    assert web.get("/projects/sums/problems?split=train").status_code == 200
    assert web.get("/projects/sums?from=mail").status_code == 200  # it has no filters


def test_parameters_are_read_from_an_address() -> None:
    read = parse_parameters(
        Prm800kParameters, QueryParams("generation=none&generation=2&labeler=&notes=true")
    )
    assert read == Prm800kParameters(generation=["none", 2], notes=True)
    with pytest.raises(Invalid, match="kind"):
        parse_parameters(Prm800kParameters, QueryParams("kind=golden"))


def test_the_export_parameters_are_described() -> None:
    paths = create_app().openapi()["paths"]
    operation = paths["/api/v1/projects/{slug}/exports/prm800k"]["get"]
    described = {parameter["name"]: parameter.get("description", "") for parameter in operation["parameters"]}
    assert "a number, or none" in described["generation"]
    assert operation["operationId"] == "export_prm800k"
