"""Configurations name what is wrong, read former names and take key=value texts."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, ValidationError

from app.common.config import Config, ConfigError, Names


class Oven(Config):
    former_names: ClassVar = {"heat": "temperature"}
    former_values: ClassVar = {"mode": {"hot air": "fan"}}

    temperature: Annotated[float, Field(ge=50, le=250)] = 180.0
    """Degrees."""
    mode: Literal["fan", "grill"] = "fan"
    trays: Names = ()


class Kitchen(Config):
    oven: Oven = Oven()
    seats: Annotated[int, Field(ge=1)] = 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seets": 4}, "unknown option 'seets'; valid options: oven, seats"),
        ({"oven": {"temp": 4}}, "unknown option 'oven.temp'; valid options: temperature, mode, trays"),
        ({"seats": "4"}, "seats must be a whole number, not '4'"),
        ({"seats": True}, "seats must be a whole number, not True"),
        ({"seats": 0}, "seats must be at least 1, not 0"),
        ({"oven": {"temperature": 300}}, "oven.temperature must be between 50 and 250, not 300"),
        ({"oven": {"temperature": float("inf")}}, "oven.temperature must be a finite number, not inf"),
        ({"oven": {"mode": "steam"}}, "oven.mode must be one of fan, grill, not 'steam'"),
        ({"oven": {"trays": ["a", 1]}}, r"oven.trays\[1\] must be text, not 1"),
        ({"oven": 3}, "oven must be a JSON object, not 3"),
        ({"oven": {"heat": 100, "temperature": 90}}, "heat is the former name of temperature"),
        ([], "the config must be a JSON object"),
    ],
)
def test_an_error_names_option_value_and_what_is_allowed(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Kitchen.parse(options)


def test_former_names_and_values_are_read_and_not_written() -> None:
    oven = Oven.parse({"heat": 200, "mode": "hot air"})
    assert oven.to_json() == {"temperature": 200.0, "mode": "fan", "trays": []}
    assert Oven.parse(oven.to_json()) == oven


def test_assignments_are_json_or_text_and_reach_nested_options() -> None:
    kitchen = Kitchen.parse_assignments(
        ["seats=6", "oven.mode=grill", 'oven.trays=["top"]'], {"oven": {"temperature": 100}}
    )
    assert kitchen.to_json() == {
        "seats": 6,
        "oven": {"temperature": 100.0, "mode": "grill", "trays": ["top"]},
    }
    for assignment, message in (("seats", "must have the form key=value"), ("seats.x=1", "not an object")):
        with pytest.raises(ConfigError, match=message):
            Kitchen.parse_assignments([assignment], {"seats": 4})


def test_a_config_is_frozen_and_a_copy_is_checked() -> None:
    oven = Oven()
    with pytest.raises(ValidationError):
        oven.temperature = 200.0  # type: ignore[misc]
    assert oven.replace(temperature=60.0).temperature == 60.0
    with pytest.raises(ConfigError, match="temperature"):
        oven.replace(temperature=10.0)


def test_descriptions_reach_the_schema() -> None:
    assert Oven.model_json_schema()["properties"]["temperature"]["description"] == "Degrees."
