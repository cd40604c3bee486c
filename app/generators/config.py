"""The options of a generator."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.common.config import Config
from app.core.config_file import parse_config
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


def refuse_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL")
    return value


def require_segmentation(value: str) -> str:
    if value not in STEPS:
        raise ValueError(f"must be one of {', '.join(STEPS)}")
    return value


Text = Annotated[str, AfterValidator(refuse_nul)]
Prompt = Annotated[Text, Field(max_length=20_000)]
Tokens = Annotated[int, Field(ge=1, le=131_072)]
Price = Annotated[float, Field(ge=0, le=1e6)]
StopSequence = Annotated[Text, Field(min_length=1, max_length=50)]


class GeneratorConfig(Config):
    """How a generator is asked, and how its text becomes steps."""

    former_names = {  # noqa: RUF012  a ClassVar of the base
        "step_end": "step_delimiter",
        "at_once": "concurrency",
        "per_request": "samples_per_request",
    }

    endpoint: Literal["chat", "completions"] = "chat"
    """Endpoint of the server."""
    system: Prompt = ""
    """System message of the chat endpoint."""
    prompt: Prompt = ""
    """Contains {problem}. Empty: the default of the endpoint."""
    temperature: Annotated[float, Field(ge=0, le=10)] = 0.7
    """Sampling temperature."""
    top_p: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    """Nucleus sampling: probability mass to sample from."""
    max_tokens: Tokens = 1024
    """Maximum tokens of a complete solution."""
    step_tokens: Tokens = 256
    """Maximum tokens of a single step."""
    stop: Annotated[tuple[StopSequence, ...], Field(strict=False, max_length=3)] = ()
    """Stop sequences of a solution."""
    steps: Annotated[str, AfterValidator(require_segmentation)] = "line"
    """Step segmentation: by the delimiter `step_delimiter` (stop), or a named segmentation."""
    step_delimiter: Annotated[Text, Field(min_length=1, max_length=50)] = "\n\n"
    """The text between two steps, for the segmentation `stop`."""
    prefill: bool = False
    """Whether the chat server supports prefill (continue_final_message in vLLM)."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Concurrent requests; a local model processes one at a time."""
    samples_per_request: Annotated[int, Field(ge=1, le=64)] = 8
    """Samples per request."""
    timeout_s: Annotated[float, Field(ge=0.1, le=3600)] = 120.0
    """Seconds until a request is given up."""
    retries: Annotated[int, Field(ge=0, le=20)] = 6
    """Retries of a failed request."""
    backoff_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Seconds before the first retry; doubled for each further retry."""
    price_in: Price | None = None
    """Price per million prompt tokens, in any currency."""
    price_out: Price | None = None
    """Price per million completion tokens, in the same currency."""

    @model_validator(mode="after")
    def _require_place(self) -> Self:
        if PLACE not in self.template:
            raise ValueError(f"the prompt must contain {PLACE}, where the statement belongs")
        return self

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


def parse(options: Any) -> GeneratorConfig:
    """A config from JSON. Raises Invalid for unknown options and values out of range."""
    return parse_config(GeneratorConfig, options)
