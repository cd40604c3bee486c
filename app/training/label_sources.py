"""The registry of label sources. A snapshot has one source, which its definition names; labels of people and
labels of models are never mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.training.external_labels import ExternalLabels
from app.training.label_tree import ProblemChain
from app.training.model_labels import ModelLabels
from app.training.models import Snapshot
from app.training.people_labels import PeopleLabels
from app.training.rollout_labels import RolloutLabels
from app.training.snapshot_definition import SnapshotDefinition
from app.training.verdict_labels import VerdictLabels


class LabelSource(Protocol):
    id: str
    item: str
    """What the source has many of, in the singular."""
    from_submissions: bool
    """Whether the labels are those of submitted assignments."""

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Raises Invalid if the project lacks what the definition names."""

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        """Whether there is any label, without loading the labels."""

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        """The chains in the order of their problems. Counts what was dropped, by reason."""

    def describe(self, definition: SnapshotDefinition) -> str:
        """The source as pages and model cards describe it."""


SOURCES: dict[str, LabelSource] = {
    source.id: source
    for source in (PeopleLabels(), VerdictLabels(), ModelLabels(), RolloutLabels(), ExternalLabels())
}


def get_source(definition: SnapshotDefinition) -> LabelSource:
    return SOURCES[definition.source]


def describe_source(definition: dict[str, Any]) -> str:
    """The source of a stored definition as pages and model cards describe it."""
    parsed = parse_config(SnapshotDefinition, definition)
    return get_source(parsed).describe(parsed)


def model_card_labels(snapshot: Snapshot) -> dict[str, Any]:
    """What a model's card says of its labels."""
    return {
        "of": describe_source(snapshot.definition),
        "definition": snapshot.definition,
        "counts": snapshot.counts,
    }
