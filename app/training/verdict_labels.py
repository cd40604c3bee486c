"""Labels of the answer grader: a solution's verdict is the target of its last step, for outcome supervision
(Lightman et al. 2023, section 2.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.training.label_tree import Chain, ProblemChain
from app.training.snapshot_definition import SnapshotDefinition

VERDICTS = """
    SELECT p.id AS problem_id, p.statement, s.id AS solution_id, s.steps, s.verdict
    FROM solution s JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project_id AND p.split <> 'test' AND s.verdict IN ('correct', 'incorrect')
    """
SELECT_VERDICTS = text(f"{VERDICTS} ORDER BY p.id, s.id")
HAS_VERDICTS = text(f"SELECT EXISTS ({VERDICTS})")


class VerdictLabels:
    id = "verdicts"
    item = "graded solution"
    from_submissions = False

    def validate(self, db: Session, project_id: int, definition: SnapshotDefinition) -> None:
        """Verdicts have no options."""

    def has_labels(self, db: Session, project_id: int, definition: SnapshotDefinition) -> bool:
        return bool(db.scalar(HAS_VERDICTS, {"project_id": project_id}))

    def iter_chains(
        self, db: Session, project_id: int, definition: SnapshotDefinition, dropped: Counter[str]
    ) -> Iterator[ProblemChain]:
        rows = db.execute(SELECT_VERDICTS.execution_options(yield_per=2_000), {"project_id": project_id})
        for row in rows:
            targets: list[int | None] = [None] * len(row.steps)
            targets[-1] = 1 if row.verdict == "correct" else -1
            yield row.problem_id, row.statement, Chain(row.solution_id, list(row.steps), targets, [])

    def describe(self, definition: SnapshotDefinition) -> str:
        return "verdicts of the answer grader on whole solutions; no person rated these steps"
