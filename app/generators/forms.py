"""Forms as generator configs and sampling plans. Empty fields are omitted."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData, QueryParams

from app.core.errors import Invalid
from app.generators.config import INTEGER_OPTIONS, NUMBERS, TEXTS

FLAGS = ("prefill",)
FormFields = FormData | QueryParams


def parse_config(form: FormFields) -> dict[str, Any]:
    config: dict[str, Any] = {
        name: number(form, name, name in INTEGER_OPTIONS) for name in NUMBERS if text(form, name)
    }
    config |= {name: text(form, name, strip=False) for name in TEXTS if text(form, name)}
    config |= {name: True for name in FLAGS if text(form, name)}
    if "step_delimiter" in config:
        config["step_delimiter"] = unescape(config["step_delimiter"])
    if stops := [unescape(line) for line in text(form, "stop", strip=False).splitlines() if line.strip()]:
        config["stop"] = stops
    return config


def parse_pool_plan(form: FormFields) -> dict[str, Any]:
    plan: dict[str, Any] = {
        name: text(form, name) for name in ("count_from", "duplicates") if text(form, name)
    }
    plan |= {name: text(form, name) for name in ("subject", "level")}
    if text(form, "per_problem"):
        plan["per_problem"] = number(form, "per_problem", True)
    if text(form, "split"):
        plan["splits"] = text(form, "split").split("+")
    return plan


def parse_rollout_plan(form: FormFields) -> dict[str, Any]:
    names = ("strategy", "verdict", "sampled_by", "subject", "level")
    plan: dict[str, Any] = {name: text(form, name) for name in names if text(form, name)}
    for name in ("rollouts", "per_problem", "max_solutions", "seed"):
        if text(form, name):
            plan[name] = number(form, name, True)
    if text(form, "split"):
        plan["splits"] = text(form, "split").split("+")
    return plan


def text(form: FormFields, name: str, *, strip: bool = True) -> str:
    value = form.get(name)
    content = value.replace("\0", "").replace("\r\n", "\n") if isinstance(value, str) else ""
    return content.strip() if strip else content


def number(form: FormFields, name: str, is_integer: bool) -> float | int:
    try:
        return int(text(form, name)) if is_integer else float(text(form, name))
    except ValueError as error:
        expected = "an integer" if is_integer else "a number"
        raise Invalid(f"{name.replace('_', ' ').capitalize()} must be {expected}.") from error


def unescape(value: str) -> str:
    """Replace typed \\n and \\t by line breaks and tabs."""
    return value.replace("\\n", "\n").replace("\\t", "\t")
