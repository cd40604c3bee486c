"""The form of a round: text fields and percentages on one side, a RoundConfig on the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.core.errors import Invalid
from app.selection import mixtures
from app.selection.config import RoundConfig, parse
from app.selection.strategies import STRATEGIES, resolve_id


class RoundForm(BaseModel):
    """The fields as text, so that an invalid form is shown again as it was sent. The share of each
    strategy, in percent, is a further field with the strategy's id."""

    model_config = ConfigDict(extra="allow")

    size: str = "200"
    per_problem: str = "4"
    seed: str = "0"
    validation: str = ""
    model_id: str = ""
    train: str = ""
    data: str = ""
    aggregation: str = "majority"
    score: str = ""
    if_failed: str = "random"
    if_inconclusive: str = "half_random"


MIXTURE = "mixture"
"""The name of the buttons that fill in the shares."""


def form_values(sent: Mapping[str, Any]) -> dict[str, str]:
    """The text of each field: the shares of a mixture's button, else what was sent, else defaults."""
    values = {**RoundForm().model_dump(), **percentages(mixtures.DEFAULT.shares)}
    values |= {resolve_id(name): str(value) for name, value in sent.items() if name != MIXTURE}
    mixture = mixtures.find_mixture(str(sent.get(MIXTURE, "")))
    return values | (percentages(mixture.shares) if mixture else {})


def percentages(shares: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{100 * shares.get(name, 0.0):g}" for name in STRATEGIES}


def config_from_form(values: Mapping[str, str]) -> RoundConfig:
    valid = {*RoundForm.model_fields, *STRATEGIES}
    if unknown := sorted(set(values) - valid):
        raise Invalid(f"Unknown field {unknown[0]!r}.", remedy=f"Valid fields: {', '.join(sorted(valid))}.")
    config: dict[str, Any] = {
        "policy": {
            "size": _parse_int(values["size"], "Queue size"),
            "per_problem": _parse_int(values["per_problem"], "Maximum per problem"),
            "seed": _parse_int(values["seed"], "Random seed"),
            "shares": {
                name: _parse_number(values[name], strategy.label) / 100
                for name, strategy in STRATEGIES.items()
            },
            "splits": ["train", "validation"] if values["validation"] else ["train"],
        },
        "gate": {name: values[name] for name in ("if_failed", "if_inconclusive")},
    }
    if values["model_id"]:
        config["model_id"] = _parse_int(values["model_id"], "Selector")
    for name in ("train", "data", "score"):
        if values[name].strip():
            config[name] = _parse_json(values[name], name)
    if isinstance(config.setdefault("data", {}), dict):
        config["data"].setdefault("aggregation", values["aggregation"])
    return parse(config)


def _parse_int(text: str, label: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Invalid(f"{label} must be a whole number.") from error


def _parse_number(text: str, label: str) -> float:
    try:
        return float(text or 0)
    except ValueError as error:
        raise Invalid(f"{label} must be a number.") from error


def _parse_json(text: str, label: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(
            f'The field "{label}" is not valid JSON.', remedy='Write it like {"epochs": 3}.'
        ) from error
