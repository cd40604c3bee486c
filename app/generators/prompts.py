"""PURE: prompts of generators, and completions parsed into steps and a final answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.answers.extract import last_answer
from app.generators.config import PLACE, GeneratorConfig
from app.problems.segmentation import is_visible_text, segment

MOST_STEPS = 1000
LONGEST = 200_000


@dataclass(frozen=True)
class SampleRequest:
    """A request for `count` samples that continue `steps`; with `one_step`, only the next step of each."""

    statement: str
    steps: tuple[str, ...] = ()
    count: int = 1
    one_step: bool = False
    position: int = 0
    """The position that the samples belong to."""
    seed: int | None = None
    """Equal seeds give equal samples if the generator supports it."""
    greedy: bool = False
    """At temperature 0, regardless of the config."""


@dataclass(frozen=True)
class Sampled:
    """A parsed completion: its new steps, without the steps of the request."""

    steps: list[str]
    answer: str | None
    finish: str
    """stop, or length for a truncated completion."""


class UnusableSample(ValueError):
    """A sample that cannot be stored; the message gives the reason."""


def continuation_prefix(config: GeneratorConfig, steps: Sequence[str]) -> str:
    """The partial solution in the format of the generator."""
    return "".join(step + config.step_separator for step in steps)


def build_prompt(config: GeneratorConfig, statement: str) -> str:
    return config.template.replace(PLACE, statement)


def stop_strings(config: GeneratorConfig, one_step: bool) -> list[str]:
    """Stop sequences of the request. Sentences have none and are split afterwards."""
    ends = (
        [config.step_separator]
        if one_step and config.steps in ("stop", "line", "blank", "model_output")
        else []
    )
    return list(dict.fromkeys([*ends, *config.stop]))


def parse_completion(config: GeneratorConfig, ask: SampleRequest, text: str, finish: str) -> Sampled:
    """Steps and final answer of a completion. Raises UnusableSample for no steps or too many."""
    text = clean_text(text)
    if len(text) > LONGEST:
        raise UnusableSample(f"The text has more than {LONGEST:,} characters.")
    steps = split_steps(config, text)
    if not steps:
        raise UnusableSample("The text is empty.")
    if len(steps) > MOST_STEPS:
        raise UnusableSample(f"The text has more than {MOST_STEPS:,} steps.")
    if ask.one_step:
        return Sampled(steps[:1], None, finish)
    return Sampled(steps, last_answer(continuation_prefix(config, ask.steps) + text), finish)


def split_steps(config: GeneratorConfig, text: str) -> list[str]:
    if config.steps != "stop":
        return segment(text, config.steps)
    return [piece.strip() for piece in text.split(config.step_delimiter) if is_visible_text(piece)]


def clean_text(text: str) -> str:
    """Text that Postgres can store: without NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
