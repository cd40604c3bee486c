"""PURE: PRM800K's row (Lightman et al. 2023, released data), both ways.

`read` makes records of a row; `row_of` makes the row of a finished assignment, whoever
made it. What a row says beyond those records (unknown fields, other spellings of a time, a
reference that differs from the problem's) is kept as a `patch` in `assignment.origin`, found by comparing
the row we would write with the row that came, so that it always comes back equal as JSON."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson

from app.answers.extract import last_answer
from app.exchange.alternatives import completions
from app.exchange.decoding import BadLine
from app.exchange.fields import Row, maybe_text, nested, one_of, text
from app.exchange.records import (
    LabelRecord,
    Line,
    ProblemRecord,
    SolutionRecord,
    StepRecord,
    name_of_statement,
)

FINISH_REASONS = ("solution", "found_error", "bad_problem", "give_up")
NAMES = UUID("5b0c2f0e-6f0f-4c55-9d0e-6a4f5d3a7c11")
"""Labelers whose name is no UUID get one made of it."""
LARGEST = 2**31 - 1
KEYS_AFTER_PHASE_1 = (
    "ground_truth_solution",
    "pre_generated_steps",
    "pre_generated_answer",
    "pre_generated_verifier_score",
)


@dataclass(slots=True)
class Finished:
    """All of a finished assignment that a row is made of."""

    labeler: UUID
    submitted_at: dt.datetime
    generation: int | None
    kind: str
    statement: str
    reference_answer: str | None
    reference_solution: str | None
    steps: list[str]
    final_answer: str | None
    verifier_score: float | None
    labels: list[StepRecord]
    total_time_ms: int | None
    finish_reason: str
    phase: int = 2


def row_of(done: Finished) -> Row:
    question: Row = {"problem": done.statement}
    if done.phase == 2:
        question["ground_truth_solution"] = done.reference_solution
    question["ground_truth_answer"] = done.reference_answer
    if done.phase == 2:
        question["pre_generated_steps"] = done.steps
        question["pre_generated_answer"] = done.final_answer
        question["pre_generated_verifier_score"] = done.verifier_score
    return {
        "labeler": str(done.labeler),
        "timestamp": done.submitted_at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(),
        "generation": done.generation,
        "is_quality_control_question": done.kind == "gold",
        "is_initial_screening_question": done.kind == "screening",
        "question": question,
        "label": {
            "steps": [_step_row(done, position, step) for position, step in enumerate(done.labels)],
            "total_time": done.total_time_ms,
            "finish_reason": done.finish_reason,
        },
    }


def _step_row(done: Finished, position: int, step: StepRecord) -> Row:
    completions = None
    if step.ratings is not None:
        written = [done.steps[position]] if step.texts is None else step.texts
        flags = step.flags or []
        completions = [
            {"text": each, "rating": rating, "flagged": flagged}
            for each, rating, flagged in zip(written, step.ratings, flags, strict=True)
        ]
    human = None
    if step.human_text is not None:
        human = {
            "text": step.human_text,
            "rating": None,
            "source": "human",
            "flagged": step.human_flagged,
        }
    return {"completions": completions, "human_completion": human, "chosen_completion": step.chosen}


def read(row: Row) -> Line:
    """Records of a row. Raises BadLine for what is no PRM800K row."""
    question, label = nested(row, "question"), nested(row, "label")
    phase = 2 if "pre_generated_steps" in question else 1
    statement = text(question, "problem")
    steps = label.get("steps")
    if not isinstance(steps, list):
        raise BadLine('"label.steps" must be a list.')
    pre = _pre_generated(question) if phase == 2 else []
    labels = [_step(each, position, pre) for position, each in enumerate(steps)]
    chain = pre if phase == 2 else _chain(labels)
    packed = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    name = f"prm800k:{hashlib.sha256(packed).hexdigest()[:32]}"
    problem = ProblemRecord(
        external_id=name_of_statement("prm800k", statement),
        statement=statement,
        reference_answer=maybe_text(question, "ground_truth_answer"),
        reference_solution=maybe_text(question, "ground_truth_solution"),
        source="prm800k",
    )
    solution = _solution(question, phase, problem, chain, name)
    solution.alternatives = completions(labels, solution.steps)
    return Line(
        problem=problem,
        solutions=[solution],
        label=_label(row, label, labels, name, phase),
    )


def _solution(
    question: Row, phase: int, problem: ProblemRecord, chain: list[str], name: str
) -> SolutionRecord:
    if phase == 1:  # each labeler walked a chain of their own
        answer = last_answer(chain[-1]) if chain else None
        return SolutionRecord(name, chain or [""], "prm800k-phase1", answer)
    score = question.get("pre_generated_verifier_score")
    score = score if isinstance(score, int | float) and not isinstance(score, bool) else None
    said = orjson.dumps([chain, question.get("pre_generated_answer"), score])
    digest = hashlib.sha256(said).hexdigest()[:24]
    return SolutionRecord(
        external_id=f"{problem.external_id}:{digest}",
        steps=chain or [""],
        generator="prm800k",
        final_answer=maybe_text(question, "pre_generated_answer"),
        detail={} if score is None else {"pre_generated_verifier_score": score},
    )


def _label(row: Row, label: Row, steps: list[StepRecord], name: str, phase: int) -> LabelRecord:
    generation = row.get("generation")
    if generation is not None and (type(generation) is not int or abs(generation) > LARGEST):
        raise BadLine('The field "generation" must be a whole number or null.')
    kind = "regular"
    if row.get("is_initial_screening_question") is True:
        kind = "screening"
    elif row.get("is_quality_control_question") is True:
        kind = "gold"
    total = label.get("total_time")
    return LabelRecord(
        external_id=name,
        labeler=_labeler(text(row, "labeler")),
        kind=kind,
        generation=generation,
        submitted_at=_moment(row.get("timestamp")),
        finish_reason=one_of(label, "finish_reason", FINISH_REASONS),
        total_time_ms=total if type(total) is int and 0 <= total <= LARGEST else None,
        steps=steps,
        row=row,
        phase=phase,
    )


def _pre_generated(question: Row) -> list[str]:
    found = question["pre_generated_steps"]
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadLine('"question.pre_generated_steps" must be a list of texts.')
    return found


def _step(row: Any, position: int, pre: list[str]) -> StepRecord:
    where = f'"label.steps[{position}]'
    if not isinstance(row, dict):
        raise BadLine(f'{where}" must be an object.')
    completions = row.get("completions")
    if usual := _usual(row, completions, position, pre):
        return usual
    texts: list[str] | None = None
    ratings: list[int | None] | None = None
    flags: list[bool | None] | None = None
    if completions is not None:
        if not isinstance(completions, list) or not all(isinstance(each, dict) for each in completions):
            raise BadLine(f'{where}.completions" must be a list of objects, or null.')
        texts = [each.get("text") for each in completions]
        ratings = [each.get("rating") for each in completions]
        flags = [each.get("flagged") for each in completions]
        for said, rating, flagged in zip(texts, ratings, flags, strict=True):
            if not isinstance(said, str):
                raise BadLine(f'{where}.completions" has one without a text.')
            if rating is not None and (type(rating) is not int or not -1 <= rating <= 1):
                raise BadLine(f'{where}" has the rating {str(rating)[:20]}.', "A rating is -1, 0, 1 or null.")
            if flagged is not None and type(flagged) is not bool:
                raise BadLine(f'{where}" has a "flagged" that is not true, false or null.')
        if len(texts) == 1 and position < len(pre) and texts[0] == pre[position]:
            texts = None
    chosen = row.get("chosen_completion")
    if chosen is not None and (type(chosen) is not int or not 0 <= chosen < len(ratings or [])):
        raise BadLine(f'{where}.chosen_completion" names no completion.', "It counts from 0, or is null.")
    human_text, human_flagged = _human(row.get("human_completion"), where)
    return StepRecord(texts, ratings, flags, chosen, human_text, human_flagged)


def _usual(row: Row, completions: Any, position: int, pre: list[str]) -> StepRecord | None:
    """Nearly every step of phase 2: the solution's own, rated. A short way to the same record."""
    if type(completions) is not list or len(completions) != 1 or position >= len(pre):
        return None
    one, chosen = completions[0], row.get("chosen_completion")
    if type(one) is not dict or one.get("text") != pre[position] or row.get("human_completion") is not None:
        return None
    rating, flagged = one.get("rating"), one.get("flagged")
    if (rating is not None and (type(rating) is not int or not -1 <= rating <= 1)) or (
        flagged is not None and type(flagged) is not bool
    ):
        return None
    if chosen is not None and (type(chosen) is not int or chosen != 0):
        return None
    return StepRecord(None, [rating], [flagged], chosen)


def _human(row: Any, where: str) -> tuple[str | None, bool | None]:
    if row is None:
        return None, None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise BadLine(f'{where}.human_completion" must have a text, or be null.')
    flagged = row.get("flagged")
    return row["text"], flagged if isinstance(flagged, bool) else None


def _chain(labels: list[StepRecord]) -> list[str]:
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


def _labeler(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        return uuid5(NAMES, name)


def _moment(said: Any) -> dt.datetime:
    """PRM800K's times have no zone; they are read as UTC."""
    try:
        found = dt.datetime.fromisoformat(said)
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadLine('The field "timestamp" is not a time.', 'Write it as "2022-07-30T23:23:32".') from None


def patch(ours: Row, theirs: Row) -> Row:
    """What to change in `ours` to get `theirs`: {"set": {path: value}, "drop": [path]},
    paths one or two keys deep."""
    changes: Row = {}
    dropped: list[list[str]] = []
    sets: list[list[Any]] = []
    for key in ours.keys() | theirs.keys():
        if key in ("question", "label") and isinstance(theirs.get(key), dict):
            mine, other = ours[key], theirs[key]
            for inner in mine.keys() | other.keys():
                _compare([key, inner], mine, other, inner, sets, dropped)
        else:
            _compare([key], ours, theirs, key, sets, dropped)
    if sets:
        changes["set"] = sets
    if dropped:
        changes["drop"] = dropped
    return changes


def _compare(
    path: list[str], ours: Row, theirs: Row, key: str, sets: list[list[Any]], dropped: list[list[str]]
) -> None:
    if key not in theirs:
        dropped.append(path)
    elif key not in ours or not same(ours[key], theirs[key]):
        sets.append([path, theirs[key]])


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, and 1 is not 1.0."""
    if type(one) is str:
        return bool(one == other)
    if one is None or other is None:
        return one is other
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def patched(row: Row, changes: Row) -> Row:
    for path, value in changes.get("set", ()):
        target = row if len(path) == 1 else row[path[0]]
        target[path[-1]] = value
    for path in changes.get("drop", ()):
        target = row if len(path) == 1 else row[path[0]]
        target.pop(path[-1], None)
    return row
