"""PURE: conversations of a chat model: `messages` with `role` and `content`, or `conversations` with `from`
and `value`. The last answer of the model is the solution of what was earlier before."""

from __future__ import annotations

import hashlib
from typing import Any

from app.answers.extract import last_answer
from app.exchange.field_parsers import Row, check_step_count, parse_optional_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.segmentation import is_visible_text, segment

USER, MODEL = ("user", "human"), ("assistant", "gpt", "model")
LISTS = ("messages", "conversations", "conversation")
REASONING = ("reasoning_content", "reasoning", "thinking")


class MessagesFormat(RecordFormat):
    id = "messages"
    label = "Conversations with a chat model"
    reads = "`messages` with `role` and `content`, or `conversations` with `from` and `value`"
    keeps = (
        "the last message of the user as the problem, the answer to it as the solution, `reasoning_content`"
        " as its thinking, `answer` as the reference answer, `model` as the generator"
    )
    ask_segmentation = True
    segmentation = "model_output"

    def detect(self, row: Row) -> bool:
        roles = [role for role, _ in _read_turns(row)]
        return any(role in USER for role in roles) and any(role in MODEL for role in roles)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        turns = _read_turns(row)
        last = max((at for at, (role, _) in enumerate(turns) if role in MODEL), default=0)
        earlier = [(role, text) for role, text in turns[:last] if role in (*USER, *MODEL)]
        if not earlier or not is_visible_text(earlier[-1][1]):
            raise RecordError("No message of the user comes before the answer.", "Check the roles.")
        statement = (
            earlier[-1][1] if len(earlier) == 1 else "\n\n".join(f"{role}: {text}" for role, text in earlier)
        )
        written = turns[last][1]
        steps = check_step_count(segment(written, context.segmentation))
        if not steps:
            raise RecordError("The answer of the model is empty.", "Leave the record out.")
        problem = ProblemRecord(
            external_id=build_statement_id(self.id, statement),
            statement=statement,
            reference_answer=parse_optional_text(row, "answer"),
            source=self.id,
        )
        solution = SolutionRecord(
            external_id=f"{problem.external_id}:{hashlib.sha256(written.encode()).hexdigest()[:24]}",
            steps=steps,
            generator=parse_optional_text(row, "model") or "",
            final_answer=last_answer(written),
            free_text=written,
        )
        return ImportedRecord(problem=problem, solutions=[solution])


def _read_turns(row: Row) -> list[tuple[str, str]]:
    """Roles and texts, with the thinking of a model in tags before its answer."""
    listed: list[Any] = next((row[name] for name in LISTS if isinstance(row.get(name), list)), [])
    turns = []
    for message in listed:
        if not isinstance(message, dict):
            return []
        role = message.get("role", message.get("from"))
        text = _read_content(message.get("content", message.get("value")))
        thinking = next((message[key] for key in REASONING if isinstance(message.get(key), str)), "")
        if is_visible_text(thinking):
            text = f"<think>\n{thinking}\n</think>\n\n{text}"
        turns.append((str(role).lower(), text))
    return turns


def _read_content(content: Any) -> str:
    """Text, or the texts of the parts of a message."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


FORMAT = MessagesFormat()
