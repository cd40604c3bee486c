"""The form that maps the fields of a file: what is in it, and what a browser sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.exchange.field_mapping import OPTIONS, TARGETS, FieldMapping
from app.exchange.field_parsers import Row
from app.exchange.field_paths import list_paths

PREFIX = "field."
MAIN_TARGETS = TARGETS[:9]
SAMPLE_LENGTH = 120


@dataclass
class FormField:
    name: str
    label: str
    hint: str
    value: str
    choices: list[str] = field(default_factory=list)


@dataclass
class MappingForm:
    main: list[FormField]
    more: list[FormField]
    samples: dict[str, str]
    """By path, the first value there."""


def read_fields(parameters: Mapping[str, str]) -> dict[str, str]:
    """The fields of the mapping in the parameters of the page."""
    fields = {
        name.removeprefix(PREFIX): value for name, value in parameters.items() if name.startswith(PREFIX)
    }
    return {name: value if name == "separator" else value.strip() for name, value in fields.items() if value}


def build_form(values: Mapping[str, Any], rows: Sequence[Row]) -> MappingForm:
    fields = [_build_field(name, values) for name in (*TARGETS, *OPTIONS)]
    samples = {path: _shorten(value) for path, value in list_paths(rows).items()}
    main = len(MAIN_TARGETS)
    is_used = [bool(values.get(form_field.name)) for form_field in fields[main:]]
    shown = [form_field for form_field, used in zip(fields[main:], is_used, strict=True) if used]
    hidden = [form_field for form_field, used in zip(fields[main:], is_used, strict=True) if not used]
    return MappingForm(fields[:main] + shown, hidden, samples)


def _build_field(name: str, values: Mapping[str, Any]) -> FormField:
    info = FieldMapping.model_fields[name]
    choices = list(map(str, getattr(info.annotation, "__args__", ())))
    default = str(info.default) if name in OPTIONS else ""
    return FormField(
        name, info.title or name, info.description or "", str(values.get(name, default)), choices
    )


def _shorten(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= SAMPLE_LENGTH else text[:SAMPLE_LENGTH] + "…"
