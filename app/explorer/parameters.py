"""The query of the pool's pages and API as a PoolFilter."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query

from app.explorer.pool_filter import PoolFilter
from app.problems.models import OLD_VERDICTS

LARGEST_ID, LARGEST_GENERATION = 2**62, 2**31 - 1
Former = Annotated[str, Query(include_in_schema=False)]
FormerCursor = Annotated[str, Query(include_in_schema=False, max_length=80)]
"""Parameters under the names of earlier versions: still accepted, not documented."""


def parse_filter(
    model: Annotated[str, Query(description="Id of a model; its scores order the pool.")] = "",
    query: Annotated[str, Query(description="Text to search for, or a name from an imported file.")] = "",
    search_in: Annotated[str, Query(description="problem or steps.")] = "problem",
    split: Annotated[str, Query(description="train, validation or test.")] = "",
    verdict: Annotated[str, Query(description="correct, incorrect, unparseable or ungraded.")] = "",
    subject: Annotated[str, Query(description="Subject of the problem.")] = "",
    level: Annotated[str, Query(description="Level of the problem.")] = "",
    generator: Annotated[str, Query(description="What generated the solution.")] = "",
    generation: Annotated[str, Query(description="Queued in this generation.")] = "",
    labeled: Annotated[str, Query(description="yes or no.")] = "",
    min_score: Annotated[str, Query(description="Solution score, 0 to 1.")] = "",
    max_score: Annotated[str, Query(description="Solution score, 0 to 1.")] = "",
    sort: Annotated[str, Query(description="highest or lowest score first.")] = "highest",
    q: Former = "",
    inside: Former = "",
    low: Former = "",
    high: Former = "",
    order: Former = "",
) -> PoolFilter:
    """Forms send empty fields for "any", and a value without a meaning counts as empty."""
    model_id, queued_in = parse_number(model), parse_number(generation, LARGEST_GENERATION)
    return PoolFilter(
        model_id=None if model_id is None else int(model_id),
        query=clean(query or q)[:200],
        search_in="steps" if "steps" in (search_in, inside) else "problem",
        split=clean(split),
        verdict=OLD_VERDICTS.get(verdict, clean(verdict)),
        subject=clean(subject),
        level=clean(level),
        generator=clean(generator),
        generation=None if queued_in is None else int(queued_in),
        labeled=labeled if labeled in ("yes", "no") else "",
        min_score=parse_number(min_score or low, 1),
        max_score=parse_number(max_score or high, 1),
        sort="lowest" if "lowest" in (sort, order) else "highest",
    )


def parse_cursor(
    cursor: Annotated[
        str,
        Query(max_length=80, description="`next_cursor` of the previous page; omit it for the first."),
    ] = "",
    after: FormerCursor = "",
) -> str:
    """Where the page starts."""
    return cursor or after


FilterQuery = Annotated[PoolFilter, Depends(parse_filter)]
CursorQuery = Annotated[str, Depends(parse_cursor)]


def clean(text: str) -> str:
    return text.replace("\0", "").strip()


def parse_number(text: str, largest: float = LARGEST_ID) -> float | None:
    """A number from 0 to `largest`; None for any other text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= largest else None


def to_query(pool_filter: PoolFilter) -> dict[str, Any]:
    """The parameters that give this filter again."""
    values = pool_filter.model_dump()
    parameters = {"model": values.pop("model_id"), **values}
    return {name: value for name, value in parameters.items() if value not in (None, "")}
