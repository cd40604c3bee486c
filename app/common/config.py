"""The base of every configuration: options from JSON, checked by name before anything starts."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T", bound="Config")


class ConfigError(ValueError):
    """An option that cannot be used. The message names the option and its valid values."""


@dataclass(frozen=True)
class Config:
    @classmethod
    def parse(cls: type[T], options: Any) -> T:
        """From JSON. Unknown keys, wrong types and values out of range raise ConfigError."""
        if not isinstance(options, dict):
            raise ConfigError("the config must be a JSON object")
        hints = get_type_hints(cls)
        names = [field.name for field in dataclasses.fields(cls)]
        for name in options:
            if name not in names:
                raise ConfigError(f"unknown option {name!r}; there are: {', '.join(names)}")
        config = cls(**{name: _typed(name, value, hints[name]) for name, value in options.items()})
        config.check()
        return config

    def check(self) -> None:
        """Raise ConfigError where a value is out of range."""

    def as_json(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }


def _typed(name: str, value: Any, hint: Any) -> Any:
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if hint == tuple[str, ...]:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ConfigError(f"{name} must be a list of names")
    if isinstance(value, bool) and bool not in kinds:
        raise ConfigError(f"{name} must be {_describe_types(kinds)}")
    if float in kinds and isinstance(value, int | float):
        if not math.isfinite(value):
            raise ConfigError(f"{name} must be a finite number")
        return float(value)
    if not isinstance(value, tuple(kind for kind in kinds if isinstance(kind, type))):
        raise ConfigError(f"{name} must be {_describe_types(kinds)}")
    return value


def _describe_types(kinds: tuple[Any, ...]) -> str:
    descriptions = {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        type(None): "null",
    }
    return " or ".join(descriptions.get(kind, str(kind)) for kind in kinds)
