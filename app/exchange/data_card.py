"""The card of an exported data set: a README with the front matter of the Hugging Face Hub.

`configs` names the files of each split and `dataset_info` the type of each column, so that `datasets` reads
the folder without a schema, also where a column begins with nulls."""

from __future__ import annotations

import datetime as dt
import types
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, get_args, get_origin

import yaml
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.exchange.exports.base import Columns, ExportFormat, ExportParameters, TableFormat
from app.projects.models import Project
from app.quality.models import AgreementValue

Feature = dict[str, Any]
TYPES = {str: "string", bool: "bool", int: "int64", float: "float64", dt.datetime: "timestamp[us, tz=UTC]"}
MEASURES = {"alpha": "Krippendorff's alpha", "first_error": "First-error agreement"}
SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
SELECT_LABELERS = text(
    "SELECT count(*) AS submissions, count(DISTINCT user_id) AS labelers FROM assignment"
    " WHERE project_id = :project AND state = 'submitted'"
)


@dataclass(frozen=True)
class DataFile:
    split: str
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass
class CardFacts:
    """What the card says beside its files."""

    project: str
    format: ExportFormat
    filters: dict[str, Any]
    license: str
    submissions: int
    labelers: int
    agreement: list[str]
    details: dict[str, str]
    features: list[Feature] = field(default_factory=list)


def load_card_facts(
    db: Session, project: Project, format: ExportFormat, parameters: ExportParameters, license: str
) -> CardFacts:
    labels = db.execute(SELECT_LABELERS, {"project": project.id}).one()
    return CardFacts(
        project=project.name,
        format=format,
        filters=parameters.to_json(),
        license=license,
        submissions=labels.submissions,
        labelers=labels.labelers,
        agreement=_load_agreement(db, project.id),
        details=format.describe(db, project.id, parameters) if isinstance(format, TableFormat) else {},
        features=build_features(format.columns) if isinstance(format, TableFormat) else [],
    )


def _load_agreement(db: Session, project_id: int) -> list[str]:
    """The agreement of all labelers, as the worker computed it last."""
    figures = db.scalars(
        select(AgreementValue)
        .where(AgreementValue.project_id == project_id, AgreementValue.scope == "project")
        .where(AgreementValue.value.is_not(None))
        .order_by(AgreementValue.measure)
    )
    return [_describe_figure(figure) for figure in figures]


def _describe_figure(figure: AgreementValue) -> str:
    interval = (
        "" if figure.low is None else f" (95% confidence interval {figure.low:.2f} to {figure.high:.2f})"
    )
    measure = MEASURES.get(figure.measure, figure.measure)
    return f"{measure}: {figure.value:.2f}{interval}, {figure.solutions} solutions"


def build_features(columns: type[Columns]) -> list[Feature]:
    """The columns as the `features` of a data card."""
    return [
        {"name": name, **_build_feature(column.annotation)} for name, column in columns.model_fields.items()
    ]


def _build_feature(annotation: Any) -> Feature:
    if get_origin(annotation) is types.UnionType:
        annotation = next(part for part in get_args(annotation) if part is not types.NoneType)
    if get_origin(annotation) is list:
        item = _build_feature(get_args(annotation)[0])
        return {"list": item.get("dtype", item)}
    return {"dtype": TYPES[annotation]}


def render_card(facts: CardFacts, files: list[DataFile]) -> str:
    front_matter = yaml.safe_dump(_build_front_matter(facts, files), sort_keys=False, allow_unicode=True)
    return f"---\n{front_matter}---\n\n" + "\n\n".join(_render_sections(facts, files)) + "\n"


def _build_front_matter(facts: CardFacts, files: list[DataFile]) -> dict[str, Any]:
    rows = sum(file.rows for file in files)
    matter: dict[str, Any] = {"pretty_name": f"{facts.project}: {facts.format.label}"}
    if facts.license:
        matter["license"] = facts.license
    matter["tags"] = ["process-supervision", "stepmark"]
    matter["size_categories"] = [next((name for limit, name in SIZES if rows < limit), "n>10M")]
    data_files = [{"split": file.split, "path": file.name} for file in files]
    matter["configs"] = [{"config_name": "default", "data_files": data_files}]
    matter["dataset_info"] = {"features": facts.features}
    return matter


def _render_sections(facts: CardFacts, files: list[DataFile]) -> list[str]:
    version = metadata.version("stepmark")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    rows = [f"| {file.split} | {file.name} | {file.rows:,} | {file.bytes:,} |" for file in files]
    sections = [
        f"# {facts.project}: {facts.format.label}",
        facts.format.description,
        "\n".join(["| split | file | rows | bytes |", "| --- | --- | ---: | ---: |", *rows]),
        "\n".join(f"- **{name}**: {value}" for name, value in _list_facts(facts).items()),
        f"Exported by Stepmark {version} on {today}. `sha256sum -c SHA256SUMS` checks the files.",
        'Read it with `datasets.load_dataset("FOLDER")`, or with the name of the data set on the Hub.',
    ]
    if isinstance(facts.format, TableFormat):
        sections += ["## Columns", _render_columns(facts.format.columns)]
    return sections


def _list_facts(facts: CardFacts) -> dict[str, str]:
    filters = ", ".join(f"{name} = {value}" for name, value in facts.filters.items())
    return {
        "Labels": f"{facts.submissions:,} submissions by {facts.labelers:,} labelers in the project",
        "Agreement": "; ".join(facts.agreement) or "not computed",
        "Filters": filters or "none",
        **facts.details,
        "License": facts.license or "not stated",
    }


def _render_columns(columns: type[Columns]) -> str:
    rows = [f"| `{name}` | {column.description or ''} |" for name, column in columns.model_fields.items()]
    return "\n".join(["| column | content |", "| --- | --- |", *rows])
