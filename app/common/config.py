"""The base of every configuration: options from JSON or from `key=value` texts, checked before anything
starts.

A configuration is a frozen Pydantic model. Unknown options, wrong types and values out of range raise
`ConfigError`, which names the option, its value and what is allowed. Types are strict: `"3"` and `true` are
not numbers, but a whole number may stand for any number. The line below a field is its description in the API
reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MAX_VALUE_LENGTH = 60
MAX_ERRORS = 5


class ConfigError(ValueError):
    """An option that cannot be used. The message names the option, its value and what is allowed."""


Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts in JSON, a tuple in Python."""
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Config(BaseModel):
    """Subclasses declare their options as fields. `former_names` maps names that older releases stored to
    today's names, `former_values` does the same for values of an option; both are read."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    former_names: ClassVar[Mapping[str, str]] = {}
    former_values: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _rename_former_options(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return options
        renamed: dict[str, Any] = {}
        for former, value in options.items():
            name = cls.former_names.get(former, former)
            if name != former and name in options:
                raise ValueError(f"{former} is the former name of {name}; give one of the two")
            values = cls.former_values.get(name, {})
            renamed[name] = values.get(value, value) if isinstance(value, str) else value
        return renamed

    @classmethod
    def parse(cls, options: Any) -> Self:
        """The configuration from a JSON object. Raises ConfigError."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise ConfigError(describe_errors(cls, error)) from error

    @classmethod
    def parse_assignments(cls, assignments: Iterable[str], options: Mapping[str, Any] | None = None) -> Self:
        """`options` with `key=value` texts over them, as a command line gives them. A value is JSON where it
        can be read as JSON, else text; `policy.size=20` sets an option of a nested object.
        Raises ConfigError."""
        merged = json.loads(json.dumps(dict(options or {})))
        for assignment in assignments:
            key, sign, value = assignment.partition("=")
            if not sign or not key:
                raise ConfigError(f"{assignment!r} must have the form key=value")
            _assign(merged, key.split("."), _parse_value(value))
        return cls.parse(merged)

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> Self:
        """A copy with `changes`, checked like any other. Raises ConfigError."""
        return self.parse({**dict(self), **changes})


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _assign(options: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        options = options.setdefault(key, {})
        if not isinstance(options, dict):
            raise ConfigError(f"{key} is not an object and has no option {path[-1]!r}")
    options[path[-1]] = value


def describe_errors(config: type[BaseModel], error: ValidationError) -> str:
    """Each error as `option must be ..., not value`, joined by semicolons."""
    errors = error.errors(include_url=False)[:MAX_ERRORS]
    texts = [describe_error({**details}, config) for details in errors]
    return "; ".join(dict.fromkeys(texts))


def describe_error(
    details: Mapping[str, Any], config: type[BaseModel] | None = None, *, show_value: bool = True
) -> str:
    """One error of Pydantic in our words. `config` is the model that was parsed: with it, both limits of a
    range and the valid options are named."""
    path = [part for part in details["loc"] if isinstance(part, str)]
    kind, context = details["type"], details.get("ctx", {})
    value = f", not {_show(details['input'])}" if show_value else ""
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"])[1:]
    if kind == "extra_forbidden":
        options = ", ".join(_find_model(config, path[:-1]).model_fields) if config else ""
        return f"unknown option {name!r}" + (f"; valid options: {options}" if options else "")
    if kind == "missing":
        return f"{name} is required"
    if kind == "value_error":
        message = str(context["error"])
        return f"{name} {message}{value}" if path else message
    if kind in COUNT_ERRORS:
        return f"{name} must have {COUNT_ERRORS[kind].format(**context)}"
    allowed = _describe_type(kind, context)
    if kind in RANGE_ERRORS:
        allowed = (_describe_limits(config, path) if config else None) or RANGE_ERRORS[kind].format(**context)
    if allowed is None and not details["msg"].startswith("Input should be "):
        return f"{name}: {details['msg']}"
    allowed = allowed or details["msg"].removeprefix("Input should be ")
    return f"{name or 'the config'} must be {allowed}{value}"


RANGE_ERRORS = {
    "greater_than": "greater than {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "less_than": "less than {lt:,}",
    "less_than_equal": "at most {le:,}",
}
COUNT_ERRORS = {
    "too_short": "{min_length} or more values",
    "too_long": "at most {max_length} values",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "at most {max_length:,} characters",
}
TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a JSON object",
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
}


def _describe_type(kind: str, context: Mapping[str, Any]) -> str | None:
    if kind == "literal_error":
        return f"one of {context['expected'].replace(' or ', ', ')}".replace("'", "")
    return TYPES.get(kind)


def _find_model(config: type[BaseModel], path: list[str]) -> type[BaseModel]:
    for name in path:
        annotation = config.model_fields[name].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        config = annotation
    return config


def _describe_limits(config: type[BaseModel], path: list[str]) -> str | None:
    """`between LOW and HIGH` for a field with two inclusive limits, else None."""
    field = _find_model(config, path[:-1]).model_fields.get(path[-1]) if path else None
    limits = {
        name: getattr(item, name)
        for item in (field.metadata if field else [])
        for name in ("ge", "le")
        if hasattr(item, name)
    }
    return f"between {limits['ge']:,} and {limits['le']:,}" if len(limits) == 2 else None


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}..."
