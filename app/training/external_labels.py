"""Labels that came with a file (`external_label`), by the name of their source: a format or a mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.problems.step_kinds import is_rated
from app.training.label_tree import Chain, ProblemChain
from app.training.snapshot_definition import SnapshotDefinition

LABELS = """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.step_kinds,
           e.first_error, e.ratings
    FROM external_label e JOIN solution s ON s.id = e.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test'
      AND (e.first_error IS NOT NULL OR e.ratings IS NOT NULL)
      AND (CAST(:source AS text) IS NULL OR e.source = :source)
    """
SELECT_LABELS = text(f"{LABELS} ORDER BY p.id, s.id")
HAS_LABELS = text(f"SELECT EXISTS ({LABELS})")
SELECT_SOURCES = text(
    """
    SELECT e.source, count(*) AS labels FROM external_label e JOIN solution s ON s.id = e.solution_id
    WHERE s.project_id = :project_id GROUP BY e.source ORDER BY e.source
    """
)
PREFIX = "file:"


class ExternalLabels:
    id = "external"
    item = "label that came with a file"
    from_submissions = False

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Raises Invalid unless the project has labels of the source, or of a single one if none is named."""
        sources = list_label_sources(db, project_id)
        name = definition.external_source
        if not sources or (name is not None and name not in sources):
            raise Invalid(
                f"external_source: no labels came with {name or 'a file'} in this project.",
                remedy=f"Use one of: {', '.join(sources)}." if sources else "Import a file with labels.",
            )
        if name is None and len(sources) > 1:
            raise Invalid(
                "Labels of several files are in this project.",
                remedy=f"Name one with external_source: {', '.join(sources)}.",
            )

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        return bool(db.scalar(HAS_LABELS, _parameters(project_id, definition)))

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        query = SELECT_LABELS.execution_options(yield_per=2_000)
        for row in db.execute(query, _parameters(project_id, definition)):
            targets = expand_label(row.first_error, row.ratings, len(row.steps))
            targets = [
                target if is_rated(row.step_kinds, position) else None
                for position, target in enumerate(targets)
            ]
            steps: list[str] = list(row.steps)
            if definition.cut_at_first_error and -1 in targets:
                targets = targets[: targets.index(-1) + 1]
                steps = steps[: len(targets)]
            yield row.problem_id, row.statement, Chain(row.solution_id, steps, targets, [])

    def describe(self, definition: SnapshotDefinition) -> str:
        return f"labels that came with {definition.external_source or 'a file'}"


def list_label_sources(db: Session, project_id: int) -> dict[str, int]:
    """The names of the sources, as users write them, with their numbers of labels."""
    rows = db.execute(SELECT_SOURCES, {"project_id": project_id})
    return {row.source.removeprefix(PREFIX): row.labels for row in rows}


def expand_label(first_error: int | None, ratings: list[int] | None, count: int) -> list[int | None]:
    """A rating for each of `count` steps; None where nothing is known. After a first error nothing is known
    unless the file rates the steps there."""
    if ratings is not None:
        return [*ratings[:count], *[None] * (count - len(ratings))]
    if first_error is None:
        return [None] * count
    if first_error < 0:
        return [1] * count
    return [1] * first_error + [-1] + [None] * (count - first_error - 1)


def _parameters(project_id: int, definition: SnapshotDefinition) -> dict[str, object]:
    name = definition.external_source
    return {"project_id": project_id, "source": None if name is None else f"{PREFIX}{name}"}
