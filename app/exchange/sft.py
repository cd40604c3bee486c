"""Supervised fine-tuning data: right solutions as prompt and completion, one step a line. It is how a
generator is taught to write steps that can be cut at line breaks (Lightman et al. 2023, section 2.2).

answer   the grader holds the final answer for right
labels   people rated every step of the solution's own and none negative; where it was adjudicated,
         the adjudicator did

Train-split problems, or validation if asked for. What an evaluation set holds, and copies of test
problems, are left out as they are of snapshots. Of equal solutions of a problem one is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.generators.config import PLACE, PLAIN

SOLUTION_FILTERS = {
    "answer": "the final answer is right",
    "labels": "people rated every step, and none negative",
}
BREAKS = re.compile(r"\s*\n\s*")
BATCH = 2_000


@dataclass(frozen=True)
class Filters:
    which: str = "answer"
    split: str = "train"
    generator: str = ""
    per_problem: int = 4
    seed: int = 0
    prompt: str = PLAIN

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def parse_filters(**given: Any) -> Filters:
    made = Filters(**{name: value for name, value in given.items() if value not in (None, "")})
    if made.which not in SOLUTION_FILTERS:
        raise Invalid(
            f"There is no filter {made.which[:50]!r}.", remedy=f"Use {' or '.join(SOLUTION_FILTERS)}."
        )
    if made.split not in ("train", "validation"):
        raise Invalid(
            "Solutions of test problems are never trained on.", remedy="Use the split train or validation."
        )
    if not 1 <= made.per_problem <= 1_000_000:
        raise Invalid("Solutions of one problem must be a whole number from 1 to 1,000,000.")
    if PLACE not in made.prompt or len(made.prompt) > 20_000:
        raise Invalid(f"The prompt has no {PLACE} in it.", remedy="Say where the statement goes.")
    return made


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
          AND (:which = 'answer' OR EXISTS (SELECT FROM task t WHERE t.solution_id = s.id))
          AND CASE WHEN :which = 'answer' THEN s.verdict = 'correct'
            ELSE coalesce(
                (SELECT cardinality(d.ratings) = cardinality(s.steps) AND NOT -1 = ANY(d.ratings)
                 FROM adjudication d WHERE d.solution_id = s.id ORDER BY d.id DESC LIMIT 1),
                (SELECT count(DISTINCT l.position) FILTER (WHERE l.rating >= 0) = cardinality(s.steps)
                    AND count(*) FILTER (WHERE l.rating = -1) = 0
                 FROM own_step_label l WHERE l.solution_id = s.id AND l.state = 'submitted')) END
        ORDER BY s.problem_id, s.digest, s.id
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY problem_id ORDER BY draw, id) AS turn FROM fitting
    )
"""
SELECT_COUNT = text(f"{WITH_SELECTED} SELECT count(*) FROM numbered WHERE turn <= :per_problem")  # noqa: S608  likewise
SELECT_ROWS = text(
    f"""{WITH_SELECTED} SELECT problem, statement, solution, generator, steps FROM numbered
        WHERE turn <= :per_problem ORDER BY problem_id, turn"""  # noqa: S608  the part is ours
)


def _build_parameters(project_id: int, chosen: Filters) -> dict[str, Any]:
    return {
        "project": project_id,
        **{name: value for name, value in asdict(chosen).items() if name != "prompt"},
    }


def count_lines(db: Session, project_id: int, chosen: Filters) -> int:
    return int(db.scalar(SELECT_COUNT, _build_parameters(project_id, chosen)) or 0)


def iter_lines(db: Session, project_id: int, chosen: Filters) -> Iterator[bytes]:
    """JSON Lines, streamed."""
    for row in db.execute(
        SELECT_ROWS.execution_options(yield_per=BATCH), _build_parameters(project_id, chosen)
    ):
        yield (
            orjson.dumps(
                {
                    "prompt": chosen.prompt.replace(PLACE, row.statement),
                    "completion": render_completion(row.steps),
                    "problem_id": row.problem,
                    "solution_id": row.solution,
                    "generator": row.generator,
                }
            )
            + b"\n"
        )


def render_completion(steps: list[str]) -> str:
    """One step a line: a line break within a step becomes a space."""
    return "\n".join(BREAKS.sub(" ", step.strip()) for step in steps)
