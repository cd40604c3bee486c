"""The form of an export format, built from its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from app.core.parameters import is_list
from app.exchange.exports.base import ExportFormat, ExportParameters, Options


@dataclass(frozen=True)
class FormField:
    name: str
    title: str
    hint: str
    control: str
    """checkboxes, select, list, checkbox, number or text."""
    options: list[tuple[str, str]]
    value: Any
    minimum: int | None = None
    maximum: int | None = None


def build_form(format: ExportFormat, values: ExportParameters, options: Options) -> list[FormField]:
    """The fields that a page shows, in the order of the model. Old names of parameters are left out, and
    lists that offer nothing."""
    fields = [
        _build_field(name, field, getattr(values, name), options.get(name))
        for name, field in format.parameters.model_fields.items()
        if not field.deprecated
    ]
    return [field for field in fields if field.control not in ("checkboxes", "list") or field.options]


def _build_field(name: str, field: FieldInfo, value: Any, offered: list[tuple[str, str]] | None) -> FormField:
    options = offered if offered is not None else _literal_options(field.annotation)
    limits = {type(limit): limit for limit in field.metadata}
    minimum, maximum = limits.get(Ge), limits.get(Le)
    return FormField(
        name,
        field.title or name,
        field.description or "",
        _choose_control(field, options),
        options,
        [str(item) for item in value] if isinstance(value, list) else value,
        minimum.ge if minimum else None,
        maximum.le if maximum else None,
    )


def _choose_control(field: FieldInfo, options: list[tuple[str, str]]) -> str:
    if is_list(field.annotation):
        return "list" if field.annotation == list[str] else "checkboxes"
    if options:
        return "select"
    if field.annotation is bool:
        return "checkbox"
    return "number" if field.annotation is int else "text"


def _literal_options(annotation: Any) -> list[tuple[str, str]]:
    inner = get_args(annotation)[0] if is_list(annotation) else annotation
    values = [value for value in get_args(inner) if isinstance(value, str)]
    return [(value, value.replace("_", " ").capitalize()) for value in values]
