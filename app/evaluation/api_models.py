"""The request bodies and answers of the JSON API of evaluation."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.common.config import Config
from app.core.api import MAX_ID, Answer, Page, RunAnswer, RunProgress
from app.evaluation import queries
from app.evaluation.config import EvaluationConfig, SetDefinition
from app.evaluation.models import Evaluation, EvaluationSet
from app.evaluation.results import ComparisonResults, EvaluationResults

Id = Annotated[int, Field(gt=0, lt=MAX_ID)]
Name = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")]


class SetRequest(Config):
    """An evaluation set to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Validation", "definition": {"splits": ["validation"], "least_solutions": 2}}
            ]
        }
    )

    name: Annotated[str, Field(max_length=200)]
    """Its name, at most 80 characters."""
    definition: SetDefinition = SetDefinition()
    """The solutions it contains."""


class SetCounts(Answer):
    """What a set contains."""

    problems: int = 0
    """Problems."""
    several: int = 0
    """Problems with enough graded solutions for best-of-N."""
    solutions: int = 0
    """Solutions."""
    correct: int = 0
    """Correct solutions."""
    incorrect: int = 0
    """Incorrect solutions."""
    unparseable: int = 0
    """Solutions whose answer cannot be parsed."""
    ungraded: int = 0
    """Solutions without a verdict."""
    first_errors: int = 0
    """Solutions with a labeled first error."""
    no_errors: int = 0
    """Solutions labeled as free of errors."""
    rated_steps: int = 0
    """Steps with a rating."""
    labels_from_people: int = 0
    """Solutions whose labels are people's."""
    labels_from_file: int = 0
    """Solutions whose labels came with the imported file."""


class SetOut(Answer):
    """An evaluation set: a frozen copy of verdicts and labels."""

    id: int
    """ID of the set."""
    name: str
    """Its name."""
    state: Literal["queued", "succeeded", "failed"]
    """queued until the worker has frozen it."""
    is_default: bool
    """Whether rounds evaluate their models on it."""
    definition: SetDefinition
    """The solutions it contains."""
    counts: SetCounts
    """How many, once it is ready."""
    hash: str | None
    """SHA-256 of its content, in hexadecimal. Null until it is ready."""
    error: str | None
    """Why it failed. Null otherwise."""
    created_at: dt.datetime
    """When it was created."""


class SetPage(Page):
    """Evaluation sets, newest first."""

    evaluation_sets: list[SetOut]
    """At most 100."""


class EvaluationRequest(Config):
    """What to evaluate: exactly one of model_id, external_score_name and external_folder."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model_id": 3, "config": {"aggregate": "product"}}]}
    )
    former_names = {"outside": "external_score_name", "folder": "external_folder"}  # noqa: RUF012  a ClassVar

    set_id: Id | None = None
    """The evaluation set. Null: the default set."""
    model_id: Id | None = None
    """A model of the project."""
    external_score_name: Name | None = None
    """Name of external scores that were imported with the solutions."""
    external_folder: Name | None = None
    """An external model in the models folder of this server."""
    config: EvaluationConfig = EvaluationConfig()
    """How it is evaluated."""


class BestFigures(Answer):
    """Accuracy at the largest N."""

    n: int
    """Solutions per problem to select from."""
    mean: float
    """Best-of-N, 0 to 1."""
    low: float
    """Lower bound of its 95% interval."""
    high: float
    """Upper bound of its 95% interval."""
    majority: float
    """Majority vote."""
    pass_at_n: float
    """A correct solution among N."""


class EvaluationOut(RunAnswer):
    """An evaluation with its key figures."""

    evaluation_set_id: int
    """The evaluation set."""
    model_id: int | None
    """The model. Null for external scores, and until an external model is imported."""
    external_score_name: str | None
    """Name of the external scores. Null for a model."""
    external_folder: str | None
    """Folder of the external model. Null otherwise."""
    config: EvaluationConfig
    """How it is evaluated."""
    progress: RunProgress
    """What it does now."""
    best: BestFigures | None
    """Best-of-N at the largest N. Null where unknown."""
    f1: float | None
    """First-error F1, 0 to 1. Null where unknown."""
    ece: float | None
    """Expected calibration error of the class negative, 0 to 1. Null where unknown."""


class EvaluationPage(Page):
    """Evaluations, newest first."""

    evaluations: list[EvaluationOut]
    """At most 100."""


class EvaluationDetail(EvaluationOut):
    """An evaluation with all its results."""

    results: EvaluationResults | None
    """The results, once it has succeeded."""


class ComparisonRequest(Config):
    """Two succeeded evaluations on the same set."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"first_id": 1, "second_id": 2}]})

    first_id: Id
    """The evaluation to compare with."""
    second_id: Id
    """The evaluation that is better or worse."""


class ComparisonOut(RunAnswer):
    """A comparison of two evaluations."""

    first_id: int
    """The evaluation to compare with."""
    second_id: int
    """The evaluation that is better or worse."""
    results: ComparisonResults | None
    """The results, once it has succeeded."""


def build_set(row: EvaluationSet) -> SetOut:
    return SetOut.build(row, hash=row.hash.hex() if row.hash else None)


def build_evaluation(row: Evaluation) -> EvaluationOut:
    return EvaluationOut.build(row, **queries.key_figures(row.results))


def build_evaluation_detail(row: Evaluation) -> EvaluationDetail:
    return EvaluationDetail.build(row, **queries.key_figures(row.results))
