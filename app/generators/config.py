"""The options of a generator: defaults, and validation of options from outside."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from app.core.errors import Invalid
from app.problems.segmentation import SEGMENTATIONS

FORMER_NAMES = {
    "at_once": "concurrency",
    "per_request": "samples_per_request",
    "step_end": "step_delimiter",
}
PLACE = "{problem}"
CHAT = (
    "{problem}\n\nSolve it step by step. Write one step on each line, and on the last line "
    "the final answer in \\boxed{}."
)
PLAIN = "Problem:\n{problem}\n\nSolution:\n"
ENDPOINTS = {"chat": "chat", "completions": "completions"}
STEPS = {"stop": "step delimiter", **SEGMENTATIONS}
JOINS = {"line": "\n", "numbered": "\n", "blank": "\n\n", "sentence": " ", "model_output": "\n\n"}


@dataclass(frozen=True)
class GeneratorConfig:
    endpoint: str = "chat"
    system: str = ""
    prompt: str = ""
    """Contains {problem}. Empty: the default of the endpoint."""
    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 1024
    """Of a complete solution."""
    step_tokens: int = 256
    """Of a single step."""
    stop: list[str] = field(default_factory=list)
    """Stop sequences of a solution."""
    steps: str = "line"
    """Step segmentation: by the delimiter `step_delimiter` (stop), or a named segmentation."""
    step_delimiter: str = "\n\n"
    prefill: bool = False
    """Whether the chat server supports prefill (continue_final_message in vLLM)."""
    concurrency: int = 4
    """Concurrent requests; a local model processes one at a time."""
    samples_per_request: int = 8
    """Samples per request."""
    timeout_s: float = 120.0
    retries: int = 6
    backoff_s: float = 1.0
    """Wait before the first retry; doubled for each further retry."""
    price_in: float | None = None
    price_out: float | None = None
    """Per million tokens, in any currency."""

    @property
    def template(self) -> str:
        return self.prompt or (CHAT if self.endpoint == "chat" else PLAIN)

    @property
    def step_separator(self) -> str:
        """The text between two steps."""
        return self.step_delimiter if self.steps == "stop" else JOINS[self.steps]

    @property
    def supports_continuations(self) -> bool:
        """Whether the generator can continue a partial solution."""
        return self.endpoint == "completions" or self.prefill

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


NUMBERS: dict[str, tuple[float, float]] = {
    "temperature": (0, 10),
    "top_p": (0.01, 1),
    "max_tokens": (1, 131_072),
    "step_tokens": (1, 131_072),
    "concurrency": (1, 64),
    "samples_per_request": (1, 64),
    "timeout_s": (0.1, 3600),
    "retries": (0, 20),
    "backoff_s": (0, 60),
    "price_in": (0, 1e6),
    "price_out": (0, 1e6),
}
TEXTS = {"endpoint": 20, "system": 20_000, "prompt": 20_000, "steps": 20, "step_delimiter": 50}
INTEGER_OPTIONS = ("max_tokens", "step_tokens", "concurrency", "samples_per_request", "retries")


def parse(payload: Any) -> GeneratorConfig:
    """A config from JSON. Raises Invalid for unknown options and values out of range."""
    if not isinstance(payload, dict):
        raise Invalid("The generator config must be a JSON object.")
    payload = {FORMER_NAMES.get(name, name): value for name, value in payload.items()}
    option_names = {option.name for option in fields(GeneratorConfig)}
    if unknown := sorted(set(payload) - option_names):
        raise Invalid(
            f"Unknown option {str(unknown[0])[:50]!r}.",
            remedy=f"Valid options: {', '.join(sorted(option_names))}.",
        )
    for name, value in payload.items():
        _check(name, value)
    config = GeneratorConfig(**payload)
    if config.endpoint not in ENDPOINTS:
        raise Invalid(f'"endpoint" must be one of {", ".join(ENDPOINTS)}.')
    if config.steps not in STEPS:
        raise Invalid(f'"steps" must be one of {", ".join(STEPS)}.')
    if PLACE not in config.template:
        raise Invalid(
            f"The prompt does not contain {PLACE}.", remedy=f"Add {PLACE} where the statement belongs."
        )
    if not config.step_delimiter:
        raise Invalid('"step_delimiter" is empty.', remedy="Enter the step delimiter, such as \\n\\n.")
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
            raise Invalid(f'"{name}" must be an integer.')
    elif name in TEXTS:
        if not isinstance(value, str) or len(value) > TEXTS[name] or "\0" in value:
            raise Invalid(f'"{name}" must be a text with at most {TEXTS[name]:,} characters.')
    elif name == "stop":
        short = isinstance(value, list) and all(isinstance(x, str) and 0 < len(x) <= 50 for x in value)
        if not short or len(value) > 3 or any("\0" in x for x in value):
            raise Invalid('"stop" must be a list of at most three texts with at most 50 characters.')
    elif not isinstance(value, bool):
        raise Invalid(f'"{name}" must be true or false.')
