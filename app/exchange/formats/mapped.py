"""PURE: records of any shape, read by a mapping of their fields."""

from __future__ import annotations

import hashlib
from typing import Any

from app.answers.extract import answer_of_steps, last_answer
from app.exchange import mapped_values as values
from app.exchange.field_mapping import FieldMapping
from app.exchange.field_parsers import Row, check_step_count
from app.exchange.field_paths import read_path
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.segmentation import is_visible_text, segment


class MappedFormat(RecordFormat):
    id = "mapped"
    label = "Other fields, by mapping"
    reads = "the fields that you [map](#mapping-fields)"
    keeps = "what the mapping names; labels as external labels"
    ask_segmentation = True
    joins_problems = True

    def detect(self, row: Row) -> bool:
        return False

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        mapping = context.mapping
        if mapping is None:
            raise RecordError("No fields are mapped.", "Name them, as in problem=question.")
        problem = _parse_problem(row, mapping)
        identity = _read(row, mapping, "problem_id") if problem is None else problem.external_id
        if identity is None:
            raise RecordError(f'The field "{mapping.problem or mapping.problem_id}" is empty or missing.')
        solutions = [
            _parse_solution(row, content, number, identity, context)
            for number, content in enumerate(_list_contents(row, mapping))
        ]
        return ImportedRecord(problem=problem, problem_id=identity, solutions=solutions)


def _read(row: Row, mapping: FieldMapping, target: str) -> str | None:
    path = getattr(mapping, target)
    return values.read_text(read_path(row, path), target) if path else None


def _parse_problem(row: Row, mapping: FieldMapping) -> ProblemRecord | None:
    statement = _read(row, mapping, "problem")
    if statement is None:
        return None
    if not is_visible_text(statement):
        raise RecordError(f'The field "{mapping.problem}" shows nothing.', "Give the problem a text.")
    answer, worked = _read(row, mapping, "answer"), _read(row, mapping, "reference_solution")
    if answer and any(mark in answer for mark in values.WORKED_MARKS) and (result := last_answer(answer)):
        answer, worked = result, worked or answer
    return ProblemRecord(
        external_id=_read(row, mapping, "problem_id") or build_statement_id("mapped", statement),
        statement=statement,
        reference_answer=answer or None,
        reference_solution=worked or None,
        subject=_read(row, mapping, "subject"),
        level=_read(row, mapping, "level"),
        split=values.read_split(read_path(row, mapping.split)) if mapping.split else None,
        source=_read(row, mapping, "source") or "",
    )


def _list_contents(row: Row, mapping: FieldMapping) -> list[Any]:
    """What each solution of the record is made of."""
    if mapping.solutions:
        contents = values.decode_cell(read_path(row, mapping.solutions))
        if not isinstance(contents, list):
            raise RecordError(f'The field "{mapping.solutions}" holds no list of solutions.', "Name another.")
        return contents
    if mapping.steps:
        content = read_path(row, mapping.steps)
        if content is None:
            raise RecordError(f'The field "{mapping.steps}" is missing.', "Check the name of the field.")
        return [content]
    return []


def _parse_solution(
    row: Row, content: Any, number: int, problem_id: str, context: ParseContext
) -> SolutionRecord:
    mapping = context.mapping
    assert mapping is not None

    def read_part(path: str) -> Any:
        """A field of the solution: its own where the record lists solutions as objects or fields as lists."""
        if not path or not mapping.solutions:
            return read_path(row, path) if path else None
        inner = read_path(content, path)
        listed = values.decode_cell(read_path(row, path)) if inner is None else inner
        return (
            listed[number] if inner is None and isinstance(listed, list) and number < len(listed) else listed
        )

    written = read_part(mapping.steps) if mapping.solutions and mapping.steps else content
    steps, free_text = split_steps(values.read_steps(written), context)
    answer = values.read_text(read_part(mapping.final_answer), "final_answer")
    if answer is None:
        answer = answer_of_steps(steps) if free_text is None else last_answer(free_text)
    solution = SolutionRecord(
        external_id=values.read_text(read_part(mapping.solution_id), "solution_id") or "",
        steps=steps,
        generator=values.read_text(read_part(mapping.generator), "generator") or "",
        final_answer=answer,
        file_verdict=values.read_verdict(read_part(mapping.verdict), mapping),
        free_text=free_text,
    )
    digest = hashlib.sha256("\0".join(steps).encode()).hexdigest()[:24]
    if not solution.external_id:
        solution.external_id = f"{problem_id}:{digest}"
    elif mapping.solutions and read_path(content, mapping.solution_id) is None:
        solution.external_id += f":{number}"
    set_labels(solution, read_part(mapping.labels), mapping)
    set_errors(solution, read_part(mapping.first_error), read_part(mapping.error_steps), mapping)
    return solution


def split_steps(written: list[str] | str, context: ParseContext) -> tuple[list[str], str | None]:
    """The steps, and the text they were cut out of."""
    separator = context.mapping.separator if context.mapping else ""
    if isinstance(written, str) and separator:
        steps = [piece.strip() for piece in written.split(separator) if is_visible_text(piece)]
    elif isinstance(written, str):
        steps = segment(written, context.segmentation)
    else:
        steps = written
    if not steps or not all(map(is_visible_text, steps)):
        raise RecordError("It has no step, or an empty one.", "Give at least one, none of them empty.")
    return check_step_count(steps), written if isinstance(written, str) else None


def set_labels(solution: SolutionRecord, labels: Any, mapping: FieldMapping) -> None:
    if labels is None:
        return
    ratings, soft = values.read_ratings(labels, mapping)
    count = len(solution.steps)
    if len(ratings) > count:
        raise RecordError(
            f"It has {len(ratings)} labels for {count} steps.", "Give at most one for each step."
        )
    solution.external_ratings = ratings
    if soft is not None:
        solution.detail["step_values"] = soft
    is_complete = len(ratings) == count
    solution.first_error = ratings.index(-1) if -1 in ratings else -1 if is_complete else None


def set_errors(solution: SolutionRecord, first: Any, errors: Any, mapping: FieldMapping) -> None:
    """The first error by its position, or all of them by theirs."""
    count = len(solution.steps)
    if first is not None:
        solution.first_error = values.read_position(first, mapping)
    errors = values.decode_cell(errors)
    if isinstance(errors, list):
        positions = {values.read_position(error, mapping) for error in errors}
        solution.external_ratings = [-1 if at in positions else 1 for at in range(count)]
        solution.first_error = min((at for at in positions if at is not None), default=-1)
        require_positions([at for at in positions if at is not None], count)
    elif errors is not None:
        raise RecordError(
            'The field for "error_steps" holds no list.', "Name a field with a list of positions."
        )
    require_positions([solution.first_error or 0], count)


def require_positions(positions: list[int], count: int) -> None:
    for position in positions:
        if position >= count:
            raise RecordError(
                f"An error is at position {position}, behind the last of {count} steps (counted from 0).",
                "Check the position, or count from 1.",
            )


FORMAT = MappedFormat()
