"""The round's form as a config: percentages to shares, text to JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from app.core.errors import Invalid
from app.selection.config import PAPER, RoundConfig, parse
from app.selection.strategies import STRATEGIES

MIXTURES: dict[str, tuple[str, dict[str, float]]] = {
    "paper": ("As in the paper", PAPER),
    "uncertain": ("Uncertain steps", {"uncertain_step": 1.0}),
    "contradicted": (
        "Contradicted by the answer",
        {"convincing_wrong_by_step": 0.5, "doubted_right": 0.5},
    ),
    "random": ("At random", {"uniform": 1.0}),
}
"""Buttons that fill in the shares."""


class RoundForm(BaseModel):
    """The fields as text, so that a wrong form is shown again as it was sent."""

    size: str = "200"
    per_problem: str = "4"
    seed: str = "0"
    validation: str = ""
    model_id: str = ""
    train: str = ""
    data: str = ""
    aggregation: str = "majority"
    score: str = ""
    convincing_wrong: str = "80"
    convincing_wrong_by_step: str = "0"
    doubted_right: str = "0"
    uncertain_step: str = "0"
    most_convincing: str = "20"
    uniform: str = "0"
    fallback: str = "uniform"
    unchecked: str = "mixture"


def form_values(given: Mapping[str, Any]) -> dict[str, str]:
    """What the fields show: the mixture of a button, what was sent, else the defaults."""
    sent = {name: str(given[name]) for name in RoundForm.model_fields if name in given}
    if given.get("mixture") in MIXTURES:
        _, shares = MIXTURES[given["mixture"]]
        sent |= {name: f"{100 * shares.get(name, 0.0):g}" for name in STRATEGIES}
    return RoundForm(**sent).model_dump()


def config_from_form(shown: Mapping[str, str]) -> RoundConfig:
    asked: dict[str, Any] = {
        "policy": {
            "size": _whole(shown["size"], "How many to queue"),
            "per_problem": _whole(shown["per_problem"], "At most of one problem"),
            "seed": _whole(shown["seed"], "Seed"),
            "shares": {name: _number(shown[name], "A share") / 100 for name in STRATEGIES},
            "splits": ["train", "validation"] if shown["validation"] else ["train"],
        },
        "gate": {name: shown[name] for name in ("fallback", "unchecked")},
    }
    if shown["model_id"]:
        asked["model_id"] = _whole(shown["model_id"], "Model")
    for name in ("train", "data", "score"):
        if shown[name].strip():
            asked[name] = _json(shown[name], name)
    if isinstance(asked.setdefault("data", {}), dict):
        asked["data"].setdefault("aggregation", shown["aggregation"])
    return parse(asked)


def _whole(said: str, what: str) -> int:
    try:
        return int(said)
    except ValueError as error:
        raise Invalid(f"{what} must be a whole number.") from error


def _number(said: str, what: str) -> float:
    try:
        return float(said or 0)
    except ValueError as error:
        raise Invalid(f"{what} must be a number.") from error


def _json(said: str, what: str) -> Any:
    try:
        return json.loads(said)
    except ValueError as error:
        raise Invalid(f'What you wrote for "{what}" is not JSON.', remedy='Like {"epochs": 3}.') from error
