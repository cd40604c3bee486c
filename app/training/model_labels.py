"""Labels of a model: a step is negative where p(negative) is above the threshold, else positive. A large PRM
stands in for people (Lightman et al. 2023, section 3, with a threshold of 0.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.problems.step_kinds import is_rated
from app.training.label_tree import Chain, ProblemChain
from app.training.models import Model
from app.training.snapshot_definition import SnapshotDefinition

SCORES = """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.step_kinds, c.step_probs
    FROM step_score c JOIN solution s ON s.id = c.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND c.model_id = :model_id
    """
SELECT_SCORES = text(f"{SCORES} ORDER BY p.id, s.id")
HAS_SCORES = text(f"SELECT EXISTS ({SCORES})")


class ModelLabels:
    id = "model"
    item = "score of this model"
    from_submissions = False

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Raises Invalid unless the definition names a PRM of the project."""
        model_id = definition.model_id or 0
        model = db.get(Model, model_id) if 0 < model_id < 2**63 else None
        if model is None or model.project_id != project_id:
            raise Invalid(
                "model_id names no model of this project.", remedy="Copy the number from the model's page."
            )
        if model.kind != "prm":
            raise Invalid(f"{model.name} scores whole solutions, not steps.", remedy="Choose a PRM.")

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        key = {"project_id": project_id, "model_id": definition.model_id}
        return bool(db.scalar(HAS_SCORES, key))

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        key = {"project_id": project_id, "model_id": definition.model_id}
        for row in db.execute(SELECT_SCORES.execution_options(yield_per=2_000), key):
            ratings: list[int | None] = [
                (-1 if p_negative > definition.threshold else 1) if is_rated(row.step_kinds, at) else None
                for at, p_negative in enumerate(row.step_probs[::3])
            ]
            steps: list[str] = list(row.steps)
            if definition.cut_at_first_error and -1 in ratings:
                ratings = ratings[: ratings.index(-1) + 1]
                steps = steps[: len(ratings)]
            yield row.problem_id, row.statement, Chain(row.solution_id, steps, list(ratings), [])

    def describe(self, definition: SnapshotDefinition) -> str:
        return (
            f"scores of model {definition.model_id}; a step is negative where p(negative) is above "
            f"{definition.threshold:g}; no person rated these steps"
        )
