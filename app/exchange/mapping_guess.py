"""PURE: a mapping guessed from the names and values of fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.exchange import mapped_values as values
from app.exchange.field_mapping import FieldMapping
from app.exchange.field_parsers import Row
from app.exchange.field_paths import list_paths, read_path
from app.exchange.json_decoding import RecordError

NAMES: dict[str, tuple[str, ...]] = {
    "problem": (
        "problem", "question", "problem_statement", "statement", "query", "prompt", "instruction",
        "problem_text", "original_question", "modified_question", "messages", "conversations",
        "conversation", "input", "text", "task",
    ),
    "labels": (
        "labels", "step_labels", "ratings", "step_ratings", "hard_labels", "soft_labels",
        "step_rewards", "rewards", "step_scores", "mc_values", "mc_value", "value", "values", "label",
        "rating",
    ),
    "error_steps": ("error_steps", "wrong_steps", "incorrect_steps"),
    "first_error": (
        "first_error", "first_error_step", "first_error_position", "error_step", "mistake_index",
        "model_output_solution_first_error_step", "first_incorrect_step", "error_index", "label",
    ),
    "steps": (
        "steps", "completions", "completion", "model_output_steps", "step", "model_process",
        "modified_process", "solution_steps", "response", "model_response", "model_output", "output",
        "outputs", "generation", "generated_solution", "model_solution", "prediction_text", "chosen",
        "reasoning_steps", "chain_of_thought", "cot", "rationale", "reasoning", "trajectory", "text",
    ),
    "solutions": (
        "generations", "responses", "samples", "candidates", "model_outputs", "completions", "code",
        "outputs", "solutions",
    ),
    "answer": (
        "reference_answer", "ground_truth_answer", "ground_truth", "groundtruth", "gt_answer", "gt",
        "gold_answer", "gold", "expected_answer", "correct_answer", "target", "final_answer", "answer",
        "answers", "label",
    ),
    "reference_solution": (
        "reference_solution", "gt_solution", "ground_truth_solution", "gt_cot", "original_process",
        "reference", "solution", "worked_solution",
    ),
    "verdict": (
        "is_correct", "correct", "correctness", "final_answer_correct", "is_right", "verdict",
        "correctness_math_verify", "model_output_answer_correctness", "score", "passed",
    ),
    "final_answer": (
        "model_answer", "prediction", "pred", "predicted_answer", "extracted_answer",
        "model_output_answer", "model_final_answer",
    ),
    "generator": ("generator", "model", "model_name", "generated_by", "generation_model"),
    "problem_id": ("problem_id", "question_id", "unique_id", "uuid", "idx", "id", "_key"),
    "solution_id": ("solution_id", "response_id", "sample_id", "output_id"),
    "subject": ("subject", "category", "topic", "type", "domain"),
    "level": ("level", "difficulty"),
    "split": ("split",),
    "source": ("source", "data_source", "dataset"),
}  # fmt: skip


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_statement(value: Any) -> bool:
    try:
        return bool(values.read_text(value, "problem")) and not isinstance(value, int | float)
    except RecordError:
        return False


def _is_steps(value: Any) -> bool:
    try:
        written = values.read_steps(value)
    except RecordError:
        return False
    return isinstance(written, list) or "\n" in written or " " in written


def _is_labels(value: Any) -> bool:
    if not isinstance(values.decode_cell(value), list):
        return False
    try:
        return bool(values.read_ratings(value, FieldMapping(problem="problem"))[0])
    except RecordError:
        return False


def _is_position(value: Any) -> bool:
    return str(value).strip().lower() in values.NO_ERROR or str(value).removeprefix("-").isdecimal()


def _is_verdict(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, bool) or str(first).strip().lower() in values.VERDICTS


def _is_answer(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_identifier(value: Any) -> bool:
    return isinstance(value, str) and not value.isdecimal() and len(value) <= 200


def _is_list(value: Any) -> bool:
    return isinstance(values.decode_cell(value), list)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "problem": _is_statement, "labels": _is_labels, "first_error": _is_position, "steps": _is_steps,
    "error_steps": _is_list, "solutions": _is_list, "answer": _is_answer, "verdict": _is_verdict,
    "problem_id": _is_identifier, "solution_id": _is_identifier,
    "split": lambda value: str(value).lower() in values.SPLITS,
}  # fmt: skip


def guess_mapping(rows: Sequence[Row]) -> dict[str, str]:
    """Paths by target, in so far as names and values tell. It may lack the problem."""
    paths = list_paths(rows)
    guess: dict[str, str] = {}
    for target, names in NAMES.items():
        path = _find_path(paths, names, CHECKS.get(target, _is_answer), set(guess.values()))
        if path is not None:
            guess[target] = path
    _drop_guesses(guess, rows)
    return {target: guess[target] for target in NAMES if target in guess}


def _find_path(
    paths: dict[str, Any], names: tuple[str, ...], check: Callable[[Any], bool], taken: set[str]
) -> str | None:
    by_name: dict[str, list[str]] = {}
    for path in sorted(paths, key=lambda path: path.count(".")):
        by_name.setdefault(path.rpartition(".")[2].lower(), []).append(path)
    for name in names:
        for path in by_name.get(name, ()):
            value = [paths[path]] if ".*." in path and not isinstance(paths[path], list) else paths[path]
            if path not in taken and check(value):
                return path
    return None


def _drop_guesses(guess: dict[str, str], rows: Sequence[Row]) -> None:
    """Solutions only where a record has several; labels and verdicts only where it has any."""
    if "steps" in guess:
        guess.pop("solutions", None)
    if "steps" not in guess and "solutions" not in guess:
        for target in ("labels", "first_error", "error_steps", "verdict", "final_answer", "generator"):
            guess.pop(target, None)
    if "labels" in guess:
        guess.pop("first_error", None)
    positions = [read_path(row, guess["first_error"]) for row in rows] if "first_error" in guess else []
    if positions and all(str(position) in ("0", "1") for position in positions):
        guess["verdict"] = guess.pop("first_error")


def guess_zero(rows: Sequence[Row], path: str) -> str:
    """What a label of 0 means: neutral in a file that has -1, an error in one that has only 1 and 0."""
    labels = [values.decode_cell(read_path(row, path)) for row in rows] if path else []
    has_negative = any(isinstance(label, list) and -1 in label for label in labels)
    return "neutral" if has_negative else "error"
