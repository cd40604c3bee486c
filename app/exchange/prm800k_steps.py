"""PURE: the steps of a PRM800K row: those of the solution (phase 2), the candidates rated at each
position, and the chain a labeler walked (phase 1)."""

from __future__ import annotations

from typing import Any

from app.exchange.field_parsers import Row
from app.exchange.json_decoding import RecordError
from app.exchange.records import StepRecord


def parse_pre_generated_steps(question: Row) -> list[str]:
    steps = question["pre_generated_steps"]
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise RecordError('"question.pre_generated_steps" must be a list of texts.')
    return steps


def parse_step(row: Any, position: int, pre: list[str]) -> StepRecord:
    if not isinstance(row, dict):
        raise RecordError(f'"label.steps[{position}]" must be an object.')
    completions = row.get("completions")
    if usual := _parse_single_completion(row, completions, position, pre):
        return usual
    where = f'"label.steps[{position}]'
    texts: list[str] | None = None
    ratings: list[int | None] | None = None
    flags: list[bool | None] | None = None
    if completions is not None:
        if not isinstance(completions, list) or not all(
            isinstance(completion, dict) for completion in completions
        ):
            raise RecordError(f'{where}.completions" must be a list of objects, or null.')
        texts = [completion.get("text") for completion in completions]
        ratings = [completion.get("rating") for completion in completions]
        flags = [completion.get("flagged") for completion in completions]
        for content, rating, flagged in zip(texts, ratings, flags, strict=True):
            if not isinstance(content, str):
                raise RecordError(f'{where}.completions" has an item without a text.')
            if rating is not None and (type(rating) is not int or not -1 <= rating <= 1):
                raise RecordError(
                    f'{where}" has the rating {str(rating)[:20]}.', "A rating is -1, 0, 1 or null."
                )
            if flagged is not None and type(flagged) is not bool:
                raise RecordError(f'{where}" has a "flagged" that is not true, false or null.')
        if len(texts) == 1 and position < len(pre) and texts[0] == pre[position]:
            texts = None
    chosen = row.get("chosen_completion")
    if chosen is not None and (type(chosen) is not int or not 0 <= chosen < len(ratings or [])):
        raise RecordError(f'{where}.chosen_completion" names no completion.', "Use an index from 0, or null.")
    human_text, human_flagged = _parse_human_completion(row.get("human_completion"), where)
    return StepRecord(texts, ratings, flags, chosen, human_text, human_flagged)


def _parse_single_completion(row: Row, completions: Any, position: int, pre: list[str]) -> StepRecord | None:
    """A short cut for nearly every step of phase 2: the rated step of the solution."""
    if type(completions) is not list or len(completions) != 1 or position >= len(pre):
        return None
    completion, chosen = completions[0], row.get("chosen_completion")
    if (
        type(completion) is not dict
        or completion.get("text") != pre[position]
        or row.get("human_completion") is not None
    ):
        return None
    rating, flagged = completion.get("rating"), completion.get("flagged")
    if (rating is not None and (type(rating) is not int or not -1 <= rating <= 1)) or (
        flagged is not None and type(flagged) is not bool
    ):
        return None
    if chosen is not None and (type(chosen) is not int or chosen != 0):
        return None
    return StepRecord(None, [rating], [flagged], chosen)


def _parse_human_completion(row: Any, where: str) -> tuple[str | None, bool | None]:
    if row is None:
        return None, None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise RecordError(f'{where}.human_completion" must have a text, or be null.')
    flagged = row.get("flagged")
    return row["text"], flagged if isinstance(flagged, bool) else None


def build_chain(labels: list[StepRecord]) -> list[str]:
    """Phase 1: what was chosen or written, up to the first position with neither; if that
    is the first one, its first candidate, so that the solution has a step to show."""
    chain: list[str] = []
    for step in labels:
        if step.chosen is not None and step.texts:
            chain.append(step.texts[step.chosen])
        elif step.human_text is not None:
            chain.append(step.human_text)
        else:
            if not chain and step.texts:
                chain.append(step.texts[0])
            break
    return chain
