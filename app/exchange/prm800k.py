"""PURE: PRM800K's row (Lightman et al. 2023, released data), both ways.

`read` makes records of a row; `row_of` makes the row of a finished assignment, whoever
made it. What a row says beyond those records (unknown fields, other spellings of a time, a
reference that differs from the problem's) is kept as a patch (patches.py) in `assignment.import_origin`,
so that it always comes back equal as JSON. Its steps are read in prm800k_steps.py."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson

from app.answers.extract import answer_of_steps
from app.exchange.alternative_parser import list_completion_alternatives
from app.exchange.field_parsers import Row, parse_choice, parse_object, parse_optional_text, parse_text
from app.exchange.json_decoding import RecordError
from app.exchange.prm800k_steps import build_chain, parse_pre_generated_steps, parse_step
from app.exchange.records import (
    ImportedRecord,
    LabelRecord,
    ProblemRecord,
    SolutionRecord,
    StepRecord,
    build_statement_id,
)

FINISH_REASONS = ("solution", "found_error", "bad_problem", "give_up")
LABELER_NAMESPACE = UUID("5b0c2f0e-6f0f-4c55-9d0e-6a4f5d3a7c11")
"""Namespace of the UUIDs of labelers whose name is not a UUID."""
MAX_INT = 2**31 - 1


@dataclass(slots=True)
class Submission:
    """The parts of a submission that make up a row."""

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


def build_row(done: Submission) -> Row:
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
            "steps": [_build_step_row(done, position, step) for position, step in enumerate(done.labels)],
            "total_time": done.total_time_ms,
            "finish_reason": done.finish_reason,
        },
    }


def _build_step_row(done: Submission, position: int, step: StepRecord) -> Row:
    completions = None
    if step.ratings is not None:
        written = [done.steps[position]] if step.texts is None else step.texts
        flags = step.flags or []
        completions = [
            {"text": content, "rating": rating, "flagged": flagged}
            for content, rating, flagged in zip(written, step.ratings, flags, strict=True)
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


def name_row(row: Row) -> str:
    """An identifier, equal for rows that are equal as JSON."""
    packed = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return f"prm800k:{hashlib.sha256(packed).hexdigest()[:32]}"


def parse_row(row: Row) -> ImportedRecord:
    """The content of a row. Raises RecordError for other rows."""
    question, label = parse_object(row, "question"), parse_object(row, "label")
    phase = 2 if "pre_generated_steps" in question else 1
    statement = parse_text(question, "problem")
    steps = label.get("steps")
    if not isinstance(steps, list):
        raise RecordError('"label.steps" must be a list.')
    pre = parse_pre_generated_steps(question) if phase == 2 else []
    labels = [parse_step(step, position, pre) for position, step in enumerate(steps)]
    chain = pre if phase == 2 else build_chain(labels)
    name = name_row(row)
    problem = ProblemRecord(
        external_id=build_statement_id("prm800k", statement),
        statement=statement,
        reference_answer=parse_optional_text(question, "ground_truth_answer"),
        reference_solution=parse_optional_text(question, "ground_truth_solution"),
        source="prm800k",
    )
    solution = _build_solution(question, phase, problem, chain, name)
    solution.alternatives = list_completion_alternatives(labels, solution.steps)
    return ImportedRecord(
        problem=problem,
        solutions=[solution],
        label=_build_label(row, label, labels, name, phase),
    )


def _build_solution(
    question: Row, phase: int, problem: ProblemRecord, chain: list[str], name: str
) -> SolutionRecord:
    if phase == 1:  # each labeler walked a chain of their own
        answer = answer_of_steps(chain)
        return SolutionRecord(name, chain or [""], "prm800k-phase1", answer)
    score = question.get("pre_generated_verifier_score")
    score = score if isinstance(score, int | float) and not isinstance(score, bool) else None
    content = orjson.dumps([chain, question.get("pre_generated_answer"), score])
    digest = hashlib.sha256(content).hexdigest()[:24]
    return SolutionRecord(
        external_id=f"{problem.external_id}:{digest}",
        steps=chain or [""],
        generator="prm800k",
        final_answer=parse_optional_text(question, "pre_generated_answer") or answer_of_steps(chain),
        detail={} if score is None else {"pre_generated_verifier_score": score},
    )


def _build_label(row: Row, label: Row, steps: list[StepRecord], name: str, phase: int) -> LabelRecord:
    generation = row.get("generation")
    if generation is not None and (type(generation) is not int or abs(generation) > MAX_INT):
        raise RecordError('The field "generation" must be a whole number or null.')
    kind = "regular"
    if row.get("is_initial_screening_question") is True:
        kind = "screening"
    elif row.get("is_quality_control_question") is True:
        kind = "gold"
    total = label.get("total_time")
    return LabelRecord(
        external_id=name,
        labeler=_parse_labeler(parse_text(row, "labeler")),
        kind=kind,
        generation=generation,
        submitted_at=_parse_time(row.get("timestamp")),
        finish_reason=parse_choice(label, "finish_reason", FINISH_REASONS),
        total_time_ms=total if type(total) is int and 0 <= total <= MAX_INT else None,
        steps=steps,
        row=row,
        phase=phase,
        row_name=name,
    )


def _parse_labeler(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        return uuid5(LABELER_NAMESPACE, name)


def _parse_time(value: Any) -> dt.datetime:
    """Times in PRM800K have no zone and are read as UTC."""
    try:
        time = dt.datetime.fromisoformat(value)
        return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise RecordError(
            'The field "timestamp" is not a time.', 'Write it as "2022-07-30T23:23:32".'
        ) from None
