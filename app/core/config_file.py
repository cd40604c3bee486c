"""A configuration file of the command line: one JSON object. Errors name the file and the line. The reader of
the object validates its keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from app.common.config import Config, ConfigError
from app.core.errors import Invalid

ConfigType = TypeVar("ConfigType", bound=Config)


def parse_config(config: type[ConfigType], options: Any) -> ConfigType:
    """The configuration from a JSON object. Invalid names the option, its value and what is allowed."""
    try:
        return config.parse(options)
    except ConfigError as error:
        raise Invalid(f"Invalid config: {error}.", remedy="Correct the option and try again.") from error


def read_config(path: Path | None) -> dict[str, Any]:
    """Empty without a file. Invalid, naming the file, when it cannot be read or is no JSON object."""
    if path is None:
        return {}
    try:
        options = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", remedy="Give another file.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text.", remedy="Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}, column {error.colno}"
        raise Invalid(f"{where}: it is not JSON: {error.msg}.", remedy="Correct that place.") from error
    except RecursionError as error:
        raise Invalid(f"{path} nests too deep.", remedy="Flatten what is nested.") from error
    if not isinstance(options, dict):
        raise Invalid(f"{path} must hold one JSON object.", remedy='Write it like {"seed": 1}.')
    return options
