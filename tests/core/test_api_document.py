"""The API document describes every operation and every field, so that a client can be generated from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.main import create_app

METHODS = ("get", "put", "post", "delete", "patch")
FREE_FORM: dict[str, str] = {}
"""Schemas or fields that may hold any JSON, each with its reason."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


def free_parts(schema: Any, place: str) -> Iterator[str]:
    """The places within a schema that any JSON value fits."""
    if not isinstance(schema, dict):
        return
    names = ("type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const")
    if not any(name in schema for name in names):
        yield place
    if schema.get("type") == "object" and "properties" not in schema:
        values = schema.get("additionalProperties", True)
        if values is True or values == {}:
            yield place
        else:
            yield from free_parts(values, f"{place}{{}}")
    if schema.get("type") == "array":
        yield from free_parts(schema.get("items", {}), f"{place}[]")
    for name, field in schema.get("properties", {}).items():
        yield from free_parts(field, f"{place}.{name}")
    for name in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(name, []):
            yield from free_parts(part, place)


def test_every_operation_has_a_name_a_tag_and_a_summary(document: dict[str, Any]) -> None:
    names: set[str] = set()
    for place, operation in operations(document):
        name = operation["operationId"]
        assert name.islower(), place
        assert name.isidentifier(), place
        assert "_api_" not in name, place
        assert name not in names, f"two operations are named {name}"
        names.add(name)
        assert len(operation["tags"]) == 1, place
        assert operation["summary"], place
        assert operation["summary"] != name.replace("_", " ").title(), f"{place} has no summary of its own"
    assert len(names) > 70
    assert {tag["name"] for tag in document["tags"]} >= {
        operation["tags"][0] for _, operation in operations(document)
    }


def test_every_answer_has_a_model_and_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for place, operation in operations(document):
        for status, answer in operation["responses"].items():
            (content,) = answer["content"].values()
            assert answer["description"] != "Successful Response" or status.startswith("2")
            if status.startswith("4"):
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (place, status)
            elif "application/json" in answer["content"]:
                assert set(content["schema"]) == {"$ref"}, f"{place} answers {status} without a model"
            else:
                assert content["schema"]["type"] == "string", (place, status)
        if "/api/" in place:
            assert {"401", "403", "404", "409", "422"} <= set(operation["responses"]), place


def test_no_model_has_a_part_that_holds_any_json(document: dict[str, Any]) -> None:
    free = {
        part
        for name, schema in document["components"]["schemas"].items()
        for part in free_parts(schema, name)
    }
    assert free == set(FREE_FORM)


def test_every_model_field_and_parameter_is_described(document: dict[str, Any]) -> None:
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, values in schema.get("properties", {}).items()
        if not (values.get("description") or "$ref" in values)
    ]
    assert bare == []
    assert [
        name for name, schema in document["components"]["schemas"].items() if not schema.get("description")
    ] == []
    assert [
        (place, parameter["name"])
        for place, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and not parameter.get("description")
    ] == []


def test_request_bodies_refuse_fields_they_do_not_have(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = [
        content["schema"]
        for _, operation in operations(document)
        for content in operation.get("requestBody", {"content": {}})["content"].values()
        if "application/json" in operation["requestBody"]["content"]
    ]
    assert len(bodies) > 12
    for body in bodies:
        (name,) = {part["$ref"].rpartition("/")[2] for part in body.get("anyOf", [body]) if "$ref" in part}
        assert schemas[name]["additionalProperties"] is False, name


def test_the_bearer_token_is_declared(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    for place, operation in operations(document):
        assert operation.get("security", []) == ([{"token": []}] if "/api/" in place else []), place
    assert document["info"]["version"][0].isdigit()


def test_every_list_is_read_by_a_cursor(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for place, operation in operations(document):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        answer = operation["responses"].get("200", {"content": {}})["content"].get("application/json")
        fields = schemas[answer["schema"]["$ref"].rpartition("/")[2]]["properties"] if answer else {}
        assert ("cursor" in names) == ("next_cursor" in fields), place
        assert not names & {"before", "after", "offset", "page"}, place
