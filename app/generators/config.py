"""How a generator is asked: plain data with defaults, checked where it comes in, kept with the generator."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from app.core.errors import Invalid
from app.problems.segmentation import SEGMENTATIONS

PLACE = "{problem}"
CHAT = (
    "{problem}\n\nSolve it step by step. Write one step on each line, and on the last line "
    "the final answer in \\boxed{}."
)
PLAIN = "Problem:\n{problem}\n\nSolution:\n"
ENDPOINTS = {"chat": "chat messages", "completions": "plain text that is gone on with"}
STEPS = {"stop": "a text that ends a step", **SEGMENTATIONS}
JOINS = {"line": "\n", "numbered": "\n", "blank": "\n\n", "sentence": " ", "model_output": "\n\n"}


@dataclass(frozen=True)
class GeneratorConfig:
    endpoint: str = "chat"
    system: str = ""
    prompt: str = ""
    """With {problem} in it; empty: a plain one of the endpoint's."""
    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 1024
    """Of a whole solution."""
    step_tokens: int = 256
    """Of a single step."""
    stop: list[str] = field(default_factory=list)
    """Texts that end a solution."""
    steps: str = "line"
    """How a text is cut into steps: by a text that ends one (`step_end`), or a segmentation."""
    step_end: str = "\n\n"
    prefill: bool = False
    """A chat server that goes on with an unfinished answer (vLLM's continue_final_message)."""
    at_once: int = 4
    """Requests in flight; for a local model, one is."""
    per_request: int = 8
    """Samples asked for in one request."""
    timeout_s: float = 120.0
    retries: int = 6
    backoff_s: float = 1.0
    """Before the first retry; doubled each time."""
    price_in: float | None = None
    price_out: float | None = None
    """For a million tokens, in the currency the project thinks in."""

    @property
    def template(self) -> str:
        return self.prompt or (CHAT if self.endpoint == "chat" else PLAIN)

    @property
    def step_separator(self) -> str:
        """What stands between two steps."""
        return self.step_end if self.steps == "stop" else JOINS[self.steps]

    @property
    def supports_continuations(self) -> bool:
        """Whether it can go on from a given beginning."""
        return self.endpoint == "completions" or self.prefill

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


NUMBERS: dict[str, tuple[float, float]] = {
    "temperature": (0, 10),
    "top_p": (0.01, 1),
    "max_tokens": (1, 131_072),
    "step_tokens": (1, 131_072),
    "at_once": (1, 64),
    "per_request": (1, 64),
    "timeout_s": (0.1, 3600),
    "retries": (0, 20),
    "backoff_s": (0, 60),
    "price_in": (0, 1e6),
    "price_out": (0, 1e6),
}
TEXTS = {"endpoint": 20, "system": 20_000, "prompt": 20_000, "steps": 20, "step_end": 50}
INTEGER_OPTIONS = ("max_tokens", "step_tokens", "at_once", "per_request", "retries")


def parse(payload: Any) -> GeneratorConfig:
    """A config from JSON. A name nobody knows and a value out of range are errors."""
    if not isinstance(payload, dict):
        raise Invalid("The generator's config must be a JSON object.")
    option_names = {option.name for option in fields(GeneratorConfig)}
    if unknown := sorted(set(payload) - option_names):
        raise Invalid(
            f"A generator has no option {str(unknown[0])[:50]!r}.",
            remedy=f"There are: {', '.join(sorted(option_names))}.",
        )
    for name, value in payload.items():
        _check(name, value)
    config = GeneratorConfig(**payload)
    if config.endpoint not in ENDPOINTS:
        raise Invalid(f'"endpoint" must be one of {", ".join(ENDPOINTS)}.')
    if config.steps not in STEPS:
        raise Invalid(f'"steps" must be one of {", ".join(STEPS)}.')
    if PLACE not in config.template:
        raise Invalid(f"The prompt has no {PLACE} in it.", remedy="Say where the statement goes.")
    if not config.step_end:
        raise Invalid('"step_end" is empty.', remedy="Give the text that ends a step, for instance \\n\\n.")
    return config


def _check(name: str, value: Any) -> None:
    if name in NUMBERS:
        low, high = NUMBERS[name]
        if value is None and name.startswith("price"):
            return
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:
            raise Invalid(f'"{name}" must be a number from {low:g} to {high:g}.')
        if name in INTEGER_OPTIONS and not isinstance(value, int):
            raise Invalid(f'"{name}" must be a whole number.')
    elif name in TEXTS:
        if not isinstance(value, str) or len(value) > TEXTS[name] or "\0" in value:
            raise Invalid(f'"{name}" must be a text of at most {TEXTS[name]:,} characters.')
    elif name == "stop":
        short = isinstance(value, list) and all(isinstance(x, str) and 0 < len(x) <= 50 for x in value)
        if not short or len(value) > 3 or any("\0" in x for x in value):
            raise Invalid('"stop" must be a list of at most three short texts.')
    elif not isinstance(value, bool):
        raise Invalid(f'"{name}" must be true or false.')
