"""Pydantic models filled from JSON, forms and files, with errors a person can act on."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.core.errors import Invalid

M = TypeVar("M", bound=BaseModel)


def parse_model(model: type[M], data: Any, name: str) -> M:
    """`data` as a `model`, or Invalid. name: what the user calls the data, such as "round config"."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid_from(error, model, name) from error


def invalid_from(error: ValidationError, model: type[BaseModel], name: str) -> Invalid:
    """The first error, by field. The value is not repeated; for an unknown field the valid ones are."""
    detail = error.errors()[0]
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        valid = ", ".join(fields_at(model, detail["loc"][:-1]))
        return Invalid(f"Unknown option {field!r} in the {name}.", remedy=f"Valid options: {valid}.")
    where = f"{field}: " if field else ""
    return Invalid(f"Invalid {name}: {where}{describe(detail)}.")


def describe(detail: ErrorDetails) -> str:
    """Pydantic's message, without the prefix it gives to messages of ours."""
    return detail["msg"].removeprefix("Value error, ").rstrip(".")


def fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The fields of the model that `path` leads to."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        nested = [kind for kind in (field.annotation, *get_args(field.annotation)) if is_model(kind)]
        model = nested[0] if nested else model
    return list(model.model_fields)


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
