"""What a form says, as a generator's config and as a plan: fields are texts, empty ones are left out."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData, QueryParams

from app.core.errors import Invalid
from app.generators.config import NUMBERS, TEXTS, WHOLE

FLAGS = ("prefill",)
Given = FormData | QueryParams


def parse_config(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: number(given, name, name in WHOLE) for name in NUMBERS if text(given, name)
    }
    found |= {name: text(given, name, strip=False) for name in TEXTS if text(given, name)}
    found |= {name: True for name in FLAGS if text(given, name)}
    if "step_end" in found:
        found["step_end"] = unescape(found["step_end"])
    if stops := [unescape(line) for line in text(given, "stop", strip=False).splitlines() if line.strip()]:
        found["stop"] = stops
    return found


def parse_pool_plan(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: text(given, name) for name in ("counting", "duplicates") if text(given, name)
    }
    found |= {name: text(given, name) for name in ("subject", "level")}
    if text(given, "per_problem"):
        found["per_problem"] = number(given, "per_problem", True)
    if text(given, "split"):
        found["splits"] = text(given, "split").split("+")
    return found


def parse_rollout_plan(given: Given) -> dict[str, Any]:
    names = ("how", "verdict", "sampled_by", "subject", "level")
    found: dict[str, Any] = {name: text(given, name) for name in names if text(given, name)}
    for name in ("rollouts", "per_problem", "most", "seed"):
        if text(given, name):
            found[name] = number(given, name, True)
    if text(given, "split"):
        found["splits"] = text(given, "split").split("+")
    return found


def text(given: Given, name: str, *, strip: bool = True) -> str:
    found = given.get(name)
    words = found.replace("\0", "").replace("\r\n", "\n") if isinstance(found, str) else ""
    return words.strip() if strip else words


def number(given: Given, name: str, whole: bool) -> float | int:
    try:
        return int(text(given, name)) if whole else float(text(given, name))
    except ValueError as error:
        words = "a whole number" if whole else "a number"
        raise Invalid(f"{name.replace('_', ' ').capitalize()} must be {words}.") from error


def unescape(words: str) -> str:
    """Line breaks and tabs, as a person writes them into one line."""
    return words.replace("\\n", "\n").replace("\\t", "\t")
