"""How a problem and its steps become the tokens that a model reads, and at which token each step is scored.

Stepmark's own models read lines. Published PRMs have formats of their own; a model's card names its format.
Each format cites its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from app.common.config import Config
from app.prm.plain_text import (
    encode_plain,
    encode_template,
    placeholder,
    render_chat,
    trim_like_template,
)

Mark = Annotated[str, Field(min_length=1, max_length=40)]


@dataclass(frozen=True)
class EncodedText:
    """`ends[i]` is the token at which step i is scored, `start` the first token of the steps."""

    ids: list[int]
    ends: list[int]
    start: int


Encode = Callable[[str, Sequence[str]], EncodedText]


class LinesFormat(Config):
    """Problem and steps, each followed by the separator; a step is scored at the last token of its separator.
    With `separator_after_problem` false, this is the layout of TRL's PRMTrainer
    (trl/experimental/prm/prm_trainer.py)."""

    layout: Literal["lines"] = "lines"
    separator: Mark = "\n"
    separator_after_problem: bool = True

    def bind(self, tokenizer: Any) -> Encode:
        """Raises ValueError if the tokenizer has no token for the separator."""
        separator = encode_plain(tokenizer, self.separator)
        if not separator:
            raise ValueError("this tokenizer has no token for a line break, which ends a step")
        start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        after_problem = separator if self.separator_after_problem else []

        @lru_cache(maxsize=4096)
        def encode_problem(problem: str) -> tuple[int, ...]:
            return (*start, *encode_plain(tokenizer, problem), *after_problem)

        @lru_cache(maxsize=8192)
        def encode_step(step: str) -> tuple[int, ...]:
            return (*encode_plain(tokenizer, step), *separator)

        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            ids, ends = list(encode_problem(problem)), []
            first = len(ids)
            for step in steps:
                ids += encode_step(step)
                ends.append(len(ids) - 1)
            return EncodedText(ids, ends, first)

        return encode


class ChatMarksFormat(Config):
    """A chat whose last turn is the steps with a mark behind each; a step is scored at its mark
    (Qwen2.5-Math-PRM, model card)."""

    layout: Literal["chat_marks"] = "chat_marks"
    mark: Mark = "<extra_0>"
    system: Annotated[str, Field(max_length=2_000)] = ""

    def bind(self, tokenizer: Any) -> Encode:
        """Raises ValueError if the mark is not one token or the tokenizer has no chat template."""
        mark_id = _get_token_id(tokenizer, self.mark)
        rendered = render_chat(tokenizer, ("user", "assistant"), self.system)
        opening = rendered[: rendered.index(placeholder(1)) + len(placeholder(1))]

        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            contents = [problem, steps[0] if steps else ""]
            pieces = [ids for _, ids in encode_template(tokenizer, opening, contents, self.mark)]
            ids, ends = [token for piece in pieces for token in piece], []
            for index, step in enumerate(steps):
                if index:
                    ids += encode_plain(tokenizer, step, self.mark)
                ids.append(mark_id)
                ends.append(len(ids) - 1)
            return EncodedText(ids, ends, sum(map(len, pieces[:-1])))

        return encode


class PlainMarksFormat(Config):
    """Numbered steps on lines, a mark at the end of each; a step is scored at its mark (Math-Shepherd;
    reader: PRMBench, math_shepherd.py)."""

    layout: Literal["plain_marks"] = "plain_marks"
    mark: Mark = "ки"

    def bind(self, tokenizer: Any) -> Encode:
        """Raises ValueError if the mark is not one token."""
        mark_id = tokenizer.encode(f" {self.mark}", add_special_tokens=False)[-1]

        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            text, stops = f"{problem} ", []
            first = len(text)
            for number, step in enumerate(steps, 1):
                label = "" if step.startswith(f"Step {number}:") else f"Step {number}: "
                text += f"{label}{step} {self.mark}"
                stops.append(len(text))
                text += "\n"
            encoding = tokenizer(text, return_offsets_mapping=True, split_special_tokens=True)
            ids, spans = encoding["input_ids"], encoding["offset_mapping"]
            ends = [
                next(at for at, (low, high) in enumerate(spans) if low < stop <= high and ids[at] == mark_id)
                for stop in stops
            ]
            start = next((at for at, (_, high) in enumerate(spans) if high > first), len(ids))
            return EncodedText(list(ids), ends, start)

        return encode


class TurnsFormat(Config):
    """A chat with one user turn per step, each answered with the good token; a step is scored at the token
    before that answer. The first turn is the problem, a space and the first step (RLHFlow,
    math-rm/prm_evaluate.py)."""

    layout: Literal["turns"] = "turns"
    good: Mark = "+"

    def bind(self, tokenizer: Any) -> Encode:
        """Raises ValueError if the tokenizer has no chat template or the answer is not one token."""
        good_id = _get_token_id(tokenizer, self.good)

        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            if not steps:  # no turn to render
                return EncodedText([], [], 0)
            rendered = render_chat(tokenizer, ("user", "assistant") * len(steps))
            contents: list[str] = []
            for index, step in enumerate(steps):
                turn = step if index else f"{problem} {step}"
                contents += [trim_like_template(tokenizer, turn), self.good]
            ids: list[int] = []
            ends: list[int] = []
            for piece, tokens in encode_template(tokenizer, rendered, contents):
                if placeholder(2 * len(ends) + 1) in piece:
                    ends.append(len(ids) + tokens.index(good_id) - 1)
                ids += tokens
            return EncodedText(ids, ends, 0)

        return encode


class SeparateLinesFormat(Config):
    """Problem and every line of the solution tokenized separately, each followed by the last token of a line
    break; a step is scored at the break behind its last line (Skywork-o1-Open-PRM, skywork-o1-prm-inference,
    prepare_input)."""

    layout: Literal["separate_lines"] = "separate_lines"

    def bind(self, tokenizer: Any) -> Encode:
        """Raises ValueError if the tokenizer has no token for a line break."""
        breaks = tokenizer.encode("\n")
        if not breaks:
            raise ValueError("this tokenizer has no token for a line break, which ends a step")
        start = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]

        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            ids, ends = [*start, *encode_plain(tokenizer, f"{problem}\n")], []
            first = len(ids)
            for step in steps:
                for line in step.split("\n"):
                    ids += [*(encode_plain(tokenizer, line) if line else []), breaks[-1]]
                ends.append(len(ids) - 1)
            return EncodedText(ids, ends, first)

        return encode


class SolutionFormat(Config):
    """The complete solution, scored at its last token: a chat if the tokenizer has a template, else problem
    and steps on lines. Every step has the score of the solution (sequence classifiers of transformers)."""

    layout: Literal["solution"] = "solution"

    def bind(self, tokenizer: Any) -> Encode:
        def encode(problem: str, steps: Sequence[str]) -> EncodedText:
            solution = "\n".join(steps)
            if tokenizer.chat_template:
                rendered = render_chat(tokenizer, ("user", "assistant"))
                contents = [trim_like_template(tokenizer, text) for text in (problem, solution)]
                pieces = encode_template(tokenizer, rendered, contents)
                ids = [token for _, tokens in pieces for token in tokens]
            else:
                text = f"{problem}\n{solution}"
                ids = list(tokenizer(text, split_special_tokens=True)["input_ids"])
            return EncodedText(ids, [len(ids) - 1] * len(steps), 0)

        return encode


TextFormat = Annotated[
    LinesFormat | ChatMarksFormat | PlainMarksFormat | TurnsFormat | SeparateLinesFormat | SolutionFormat,
    Field(discriminator="layout"),
]
FORMATS: TypeAdapter[TextFormat] = TypeAdapter(TextFormat)
"""Parses the format in a model's card."""


def _get_token_id(tokenizer: Any, token: str) -> int:
    """Raises ValueError if `token` is not one token of the vocabulary."""
    token_id = tokenizer.convert_tokens_to_ids(token)
    if token_id is None or token_id == tokenizer.unk_token_id:
        raise ValueError(f"the tokenizer has no token {token!r}, at which a step is scored")
    return int(token_id)
