"""PURE: which fields of a file hold the problem, the steps, the labels: the mapping that the user names."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.core.errors import Invalid

NEXT_FIELD = re.compile(r",(?=\s*[a-z_]+\s*=)")
ESCAPES = {"\\n": "\n", "\\t": "\t"}


class FieldMapping(BaseModel):
    """Each field holds the path of a field of the file; the last three say how it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: str = Field(default="", max_length=200, title="Problem", description="The statement.")
    answer: str = Field(
        default="", max_length=200, title="Reference answer", description="The correct answer."
    )
    steps: str = Field(
        default="", max_length=200, title="Steps", description="A list of steps, or a text that is split."
    )
    labels: str = Field(
        default="", max_length=200, title="Step labels", description="A label or value for each step."
    )
    first_error: str = Field(
        default="", max_length=200, title="First error", description="Its position; -1 for none."
    )
    error_steps: str = Field(
        default="", max_length=200, title="Error steps", description="A list of their positions."
    )
    verdict: str = Field(
        default="", max_length=200, title="Verdict", description="Whether the final answer is correct."
    )
    final_answer: str = Field(
        default="", max_length=200, title="Final answer", description="As the solution states it."
    )
    generator: str = Field(
        default="", max_length=200, title="Generator", description="The model that wrote the steps."
    )
    solutions: str = Field(
        default="",
        max_length=200,
        title="Solutions",
        description="A list, where a record holds more than one.",
    )
    reference_solution: str = Field(
        default="", max_length=200, title="Reference solution", description="A worked solution."
    )
    problem_id: str = Field(
        default="", max_length=200, title="Problem identifier", description="Its ID in the file."
    )
    solution_id: str = Field(
        default="", max_length=200, title="Solution identifier", description="Its ID in the file."
    )
    subject: str = Field(default="", max_length=200, title="Subject", description="For filters.")
    level: str = Field(default="", max_length=200, title="Level", description="For filters.")
    split: str = Field(default="", max_length=200, title="Split", description="train, validation or test.")
    source: str = Field(
        default="", max_length=200, title="Source", description="Where the problem comes from."
    )
    separator: str = Field(
        default="", max_length=50, title="Separator", description="The text between two steps."
    )
    count_from: Literal[0, 1] = Field(
        default=0, title="First position", description="The number of the first step."
    )
    zero: Literal["error", "neutral"] = Field(
        default="error", title="A label of 0 means", description="error or neutral."
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1, title="Threshold", description="Values from here on are correct."
    )

    @model_validator(mode="after")
    def require_problem(self) -> FieldMapping:
        if not (self.problem or self.problem_id):
            raise ValueError("name the field of the problem, as in problem=question")
        if (self.labels or self.first_error or self.error_steps) and not (self.steps or self.solutions):
            raise ValueError("labels need steps: name their field, as in steps=completions")
        return self

    def to_json(self) -> dict[str, str | int | float]:
        """What differs from the defaults."""
        values: dict[str, str | int | float] = self.model_dump(exclude_defaults=True)
        return values

    def to_text(self) -> str:
        """As on the command line."""
        values = {name: str(value) for name, value in self.to_json().items()}
        for escape, character in ESCAPES.items():
            values = {name: value.replace(character, escape) for name, value in values.items()}
        return ",".join(f"{name}={value}" for name, value in values.items())

    def list_fields(self) -> dict[str, str]:
        """The paths by target."""
        return {
            name: path for name, path in self.to_json().items() if name in TARGETS and isinstance(path, str)
        }


OPTIONS = ("separator", "count_from", "zero", "threshold")
TARGETS = tuple(name for name in FieldMapping.model_fields if name not in OPTIONS)


def parse_mapping(text: str) -> FieldMapping:
    """A mapping as on the command line: problem=question,steps=completions. Raises Invalid."""
    values: dict[str, str] = {}
    for pair in NEXT_FIELD.split(text):
        name, equals, path = pair.partition("=")
        if not equals:
            raise Invalid(
                f"The mapping {pair.strip()[:80]!r} has no equals sign.",
                remedy="Write pairs such as problem=question,steps=completions.",
            )
        for escape, character in ESCAPES.items():
            path = path.replace(escape, character)
        name = name.strip()
        values[name] = path if name == "separator" else path.strip()
    return build_mapping(values)


def build_mapping(values: dict[str, str]) -> FieldMapping:
    """A mapping from fields of a form. Raises Invalid."""
    options: dict[str, object] = {name: value for name, value in values.items() if value != ""}
    if "count_from" in options:
        options["count_from"] = {"0": 0, "1": 1}.get(str(options["count_from"]), options["count_from"])
    try:
        return FieldMapping.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            remedy = f"Use one of: {', '.join(FieldMapping.model_fields)}."
            raise Invalid(f"Unknown part of the mapping: {name[:50]!r}.", remedy=remedy) from None
        message = first["msg"].removeprefix("Value error, ")
        raise Invalid(
            f"The mapping is not complete: {message}." if not name else f"{name}: {message}.",
            remedy="See the section on mapping in docs/formats.md.",
        ) from None
