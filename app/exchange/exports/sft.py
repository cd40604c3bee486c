"""Supervised fine-tuning data: correct solutions as prompt and completion, one step per line. A generator
learns from it to write steps that can be split at line breaks (Lightman et al. 2023, section 2.2).

correct-answer     the grader found the final answer correct
no-negative-step   people rated every step of the solution itself and none negative; where the solution was
                   adjudicated, the adjudicator did

Solutions of train problems, or of validation problems on request. Problems of evaluation sets and copies of
test problems are left out, as they are of snapshots. Of equal solutions of a problem one is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.exchange.exports.base import BATCH, Columns, ExportParameters, Options, Record, TableFormat
from app.generators.config import PLACE, PLAIN

SolutionFilter = Literal["correct-answer", "no-negative-step"]
FILTER_LABELS: dict[SolutionFilter, str] = {
    "correct-answer": "The final answer is correct",
    "no-negative-step": "People rated every step, none negative",
}
OLD_FILTERS: dict[str, SolutionFilter] = {"answer": "correct-answer", "labels": "no-negative-step"}
BREAKS = re.compile(r"\s*\n\s*")


class SftParameters(ExportParameters):
    filter: SolutionFilter = Field(
        "correct-answer",
        title="Include solutions with",
        description="correct-answer: a correct final answer; no-negative-step: every step rated by people,"
        " none negative.",
    )
    split: Literal["train", "validation"] = Field(
        "train", title="Split", description="train or validation. Test problems are never trained on."
    )
    generator: str = Field("", title="Generator", description="Only solutions of this generator.")
    per_problem: int = Field(
        4, ge=1, le=1_000_000, title="Maximum per problem", description="Maximum solutions per problem."
    )
    seed: int = Field(
        0, ge=0, lt=2**31, title="Seed", description="Sampling seed, where a problem has more solutions."
    )
    prompt: str = Field(
        PLAIN, max_length=20_000, title="Prompt", description=f"Template with {PLACE} for the statement."
    )
    which: Literal["answer", "labels"] | None = Field(
        None, deprecated=True, description="The old name of filter."
    )

    @model_validator(mode="before")
    @classmethod
    def read_old_filter(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("which") in OLD_FILTERS:
            return {**values, "filter": values.get("filter") or OLD_FILTERS[values["which"]], "which": None}
        return values

    @field_validator("prompt")
    @classmethod
    def require_place(cls, prompt: str) -> str:
        if PLACE not in prompt:
            raise ValueError(f"The prompt must contain {PLACE}, where the statement goes")
        return prompt


WITH_SELECTED = """
    WITH fitting AS (
        SELECT DISTINCT ON (s.problem_id, s.digest) p.external_id AS problem, p.statement, s.problem_id, s.id,
            s.external_id AS solution, s.generator, s.steps, hashint8extended(s.id, :seed) AS draw
        FROM solution s JOIN problem p ON p.id = s.problem_id
        WHERE p.project_id = :project AND p.split = :split AND p.split <> 'test'
          AND (:generator = '' OR s.generator = :generator)
          AND NOT EXISTS (SELECT FROM evaluation_item i WHERE i.problem_id = p.id)
          AND NOT EXISTS (SELECT FROM problem t WHERE t.project_id = p.project_id AND t.split = 'test'
                          AND t.statement_hash = p.statement_hash)
          AND (:filter = 'correct-answer' OR EXISTS (SELECT FROM task t WHERE t.solution_id = s.id))
          AND CASE WHEN :filter = 'correct-answer' THEN s.verdict = 'correct'
            ELSE coalesce(
                (SELECT cardinality(d.ratings) = cardinality(s.steps) AND NOT -1 = ANY(d.ratings)
                 FROM adjudication d WHERE d.solution_id = s.id ORDER BY d.id DESC LIMIT 1),
                (SELECT count(DISTINCT l.position) FILTER (WHERE l.rating >= 0) = cardinality(s.steps)
                    AND count(*) FILTER (WHERE l.rating = -1) = 0
                 FROM solution_step_label l WHERE l.solution_id = s.id AND l.state = 'submitted')) END
        ORDER BY s.problem_id, s.digest, s.id
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY problem_id ORDER BY draw, id) AS turn FROM fitting
    )
"""
SELECT_COUNT = text(f"{WITH_SELECTED} SELECT count(*) FROM numbered WHERE turn <= :per_problem")  # noqa: S608  the part is ours
SELECT_ROWS = text(
    f"""{WITH_SELECTED} SELECT problem, statement, solution, generator, steps FROM numbered
        WHERE turn <= :per_problem ORDER BY problem_id, turn"""  # noqa: S608  the part is ours
)


class SftColumns(Columns):
    prompt: str
    completion: str
    """One step per line."""
    problem_id: str
    solution_id: str
    generator: str


class SftLines(TableFormat):
    id = "sft"
    label = "Fine-tuning data"
    description = (
        "Correct solutions as prompt and completion, one step per line, for fine-tuning a generator."
        " Test problems and problems of evaluation sets are left out."
    )
    unit = "solution"
    columns = SftColumns
    parameters = SftParameters

    def count(self, db: Session, project_id: int, parameters: SftParameters, limit: int | None = None) -> int:
        return int(db.scalar(SELECT_COUNT, _build_values(project_id, parameters)) or 0)

    def records(self, db: Session, project_id: int, parameters: SftParameters) -> Iterator[Record]:
        query = SELECT_ROWS.execution_options(yield_per=BATCH)
        for row in db.execute(query, _build_values(project_id, parameters)):
            line = {
                "prompt": parameters.prompt.replace(PLACE, row.statement),
                "completion": render_completion(row.steps),
                "problem_id": row.problem,
                "solution_id": row.solution,
                "generator": row.generator,
            }
            yield Record(parameters.split, line)

    def options(self, db: Session, project_id: int) -> Options:
        return {"filter": list(FILTER_LABELS.items())}


def _build_values(project_id: int, parameters: SftParameters) -> dict[str, Any]:
    return {"project": project_id, **parameters.model_dump(exclude={"prompt", "which"})}


def render_completion(steps: list[str]) -> str:
    """One step per line: a line break within a step becomes a space."""
    return "\n".join(BREAKS.sub(" ", step.strip()) for step in steps)


FORMAT = SftLines()
