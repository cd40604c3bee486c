"""Which finished assignments an export takes, as a person says it and as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from app.labeling.control_tasks import LABEL_GENERATION
from app.labeling.models import FINISH_REASONS, KINDS


@dataclass(frozen=True)
class Filters:
    """None: all. `generation` may hold the word none for PRM800K's phase 1."""

    generations: tuple[int | None, ...] | None = None
    kinds: tuple[str, ...] | None = None
    finish_reasons: tuple[str, ...] | None = None
    labelers: tuple[str, ...] | None = None
    """By email or uuid."""
    notes: bool | None = None
    """Filters nothing: whether rows also say what labelers noted on steps."""

    def to_json(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if value is not None
        }


def parse_filters(
    generation: list[str] | None = None,
    kind: list[str] | None = None,
    finish_reason: list[str] | None = None,
    labeler: list[str] | None = None,
    notes: bool | None = None,
) -> Filters:
    """Filters as a person writes them; empty ones are none."""
    generations = [each.strip().lower() for each in generation or () if each.strip()]
    for name, given, allowed in (
        ("kind", kind, KINDS),
        ("finish reason", finish_reason, FINISH_REASONS),
    ):
        for each in given or ():
            if each and each not in allowed:
                raise Invalid(f"There is no {name} {each!r}.", remedy=f"Use one of: {', '.join(allowed)}.")
    try:
        numbers = tuple(None if each in ("none", "null") else int(each) for each in generations)
    except ValueError as error:
        raise Invalid(
            "A generation is a number, or none.", remedy="For instance 0, 1, -1 (screening) or none."
        ) from error
    if any(number is not None and abs(number) >= 2**31 for number in numbers):
        raise Invalid("There is no such generation.", remedy="Use a smaller number.")
    return Filters(
        generations=numbers or None,
        kinds=tuple(filter(None, kind or ())) or None,
        finish_reasons=tuple(filter(None, finish_reason or ())) or None,
        labelers=tuple(filter(None, labeler or ())) or None,
        notes=notes or None,
    )


def build_where(chosen: Filters) -> tuple[str, dict[str, Any]]:
    parts = ["a.project_id = %(project)s", "a.state = 'submitted'"]
    values: dict[str, Any] = {}
    if chosen.generations is not None:
        wanted = "= ANY(%(generations)s) OR (%(no_generation)s AND t.generation IS NULL)"
        parts.append(f"({LABEL_GENERATION} {wanted})")
        values["generations"] = [each for each in chosen.generations if each is not None]
        values["no_generation"] = None in chosen.generations
    for column, name in (("t.kind", "kinds"), ("a.finish_reason", "finish_reasons")):
        if (wanted := getattr(chosen, name)) is not None:
            parts.append(f"{column} = ANY(%({name})s)")
            values[name] = list(wanted)
    if chosen.labelers is not None:
        parts.append("(lower(u.email) = ANY(%(labelers)s) OR u.uuid::text = ANY(%(labelers)s))")
        values["labelers"] = [each.lower() for each in chosen.labelers]
    return " AND ".join(parts), values
