"""Forms as generator configs and sampling plans. Empty fields are omitted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_origin

from starlette.datastructures import FormData, QueryParams

from app.common.config import Config
from app.core.errors import Invalid
from app.core.parameters import require_known
from app.generators.config import GeneratorConfig, parse
from app.generators.pool_sampling import PoolPlan
from app.generators.rollout_plan import RolloutPlan

FormFields = FormData | QueryParams
FormValue = str | int | float | bool | list[str]
UNSTRIPPED = ("system", "prompt", "step_delimiter")
"""Fields whose leading and trailing white space counts."""


def parse_config(form: FormFields) -> GeneratorConfig:
    options = read_options(form, GeneratorConfig, set(GeneratorConfig.model_fields) - {"stop"})
    if "step_delimiter" in options:
        options["step_delimiter"] = unescape(str(options["step_delimiter"]))
    if stops := [unescape(line) for line in text(form, "stop", strip=False).splitlines() if line.strip()]:
        options["stop"] = stops
    return parse(options)


def read_pool_plan(form: FormFields) -> dict[str, FormValue]:
    return _read_plan(form, PoolPlan)


def read_rollout_plan(form: FormFields) -> dict[str, FormValue]:
    return _read_plan(form, RolloutPlan)


def _read_plan(form: FormFields, plan: type[Config]) -> dict[str, FormValue]:
    """The form has one field for the splits."""
    names = set(plan.model_fields) - {"splits"}
    require_known(form.keys(), {*names, "split"})
    splits: dict[str, FormValue] = {"splits": text(form, "split").split("+")} if text(form, "split") else {}
    return splits | read_options(form, plan, names)


def read_options(form: FormFields, config: type[Config], names: Iterable[str]) -> dict[str, FormValue]:
    """The filled fields among `names`, as numbers, flags and texts, by the types of the config's fields."""
    options: dict[str, FormValue] = {}
    for name in sorted(names):
        content = text(form, name, strip=name not in UNSTRIPPED)
        kind = find_value_type(config.model_fields[name].annotation)
        if content and kind is bool:
            options[name] = True
        elif content:
            options[name] = content if kind is str else number(form, name, kind is int)
    return options


def find_value_type(annotation: Any) -> type:
    """int, float or bool for a field of that type, with or without None; else str."""
    for part in (annotation, *get_args(annotation)):
        kind = get_args(part)[0] if get_origin(part) is Annotated else part
        if kind in (int, float, bool):
            return kind
    return str


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
