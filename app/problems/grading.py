"""The grader's verdicts: solutions that have none yet, by batches, each in a transaction of
its own. A problem without a reference answer cannot be graded; there the file's verdict stays, as it does
where the grader cannot read an answer. A solution whose reference was corrected meanwhile is left for the
job that the correction started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.answers.grade import GRADER, VERSION, grade
from app.answers.prover_process import ProverProcess
from app.core.db import transaction

BATCH = 500
SOURCE = "grader"
GRADER_VERSION = f"{GRADER} {VERSION}"

NEXT = text(
    """
    SELECT s.id, p.reference_answer, s.final_answer FROM solution s JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project AND s.verdict IS NULL AND s.id > :after
      AND p.reference_answer IS NOT NULL
    ORDER BY s.id LIMIT :limit
    """
)
WAITING = text(
    """
    SELECT count(*) FROM solution s JOIN problem p ON p.id = s.problem_id
    WHERE s.project_id = :project AND s.verdict IS NULL AND p.reference_answer IS NOT NULL
    """
)
STORE_VERDICTS = text(
    """
    WITH given AS (
        SELECT g.id, g.verdict
        FROM unnest(CAST(:ids AS bigint[]), CAST(:verdicts AS text[]), CAST(:references AS text[]))
            AS g (id, verdict, reference)
        JOIN solution s ON s.id = g.id JOIN problem p ON p.id = s.problem_id
        WHERE p.reference_answer = g.reference
        FOR SHARE OF p
    ), kept AS (
        INSERT INTO verdict (solution_id, source, verdict, version)
        SELECT g.id, :source, g.verdict, :version FROM given g
        ON CONFLICT (solution_id, source)
        DO UPDATE SET verdict = excluded.verdict, version = excluded.version, at = now()
    )
    UPDATE solution s SET verdict = g.counting
    FROM (
        SELECT g.id, CASE
            WHEN pr.verdict_source = 'file' AND f.verdict <> 'unparseable' THEN f.verdict
            WHEN g.verdict <> 'unparseable' THEN g.verdict
            ELSE coalesce(f.verdict, g.verdict) END AS counting
        FROM given g JOIN solution graded ON graded.id = g.id JOIN project pr ON pr.id = graded.project_id
        LEFT JOIN LATERAL (
            SELECT v.verdict FROM verdict v WHERE v.solution_id = g.id AND v.source LIKE 'file:%'
            ORDER BY v.at DESC, v.source LIMIT 1) f ON true
    ) g WHERE s.id = g.id RETURNING s.id, s.verdict
    """
)


def waiting(project_id: int) -> int:
    with transaction() as db:
        return db.scalar(WAITING, {"project": project_id}) or 0


def grade_waiting(project_id: int, *, progress: Callable[[int], None] | None = None) -> dict[str, int]:
    """Grade what is not graded yet. Returns how many of each verdict that counts. May run twice at once:
    both come to the same verdicts."""
    counts: Counter[str] = Counter()
    after = 0
    with ProverProcess() as prover:
        while True:
            with transaction() as db:
                values = {"project": project_id, "after": after, "limit": BATCH}
                rows = db.execute(NEXT, values).all()
            if not rows:
                return dict(counts)
            verdicts = [grade(reference, answer, prover) for _, reference, answer in rows]
            after = rows[-1][0]
            with transaction() as db:
                references = [row[1] for row in rows]
                counts.update(store_verdicts(db, [row[0] for row in rows], verdicts, references).values())
            if progress:
                progress(sum(counts.values()))


def store_verdicts(db: Session, ids: list[int], verdicts: list[str], references: list[str]) -> dict[int, str]:
    """Store the grader's verdicts, and which verdicts count now. Returns those, by solution ID. A solution
    whose reference answer changed meanwhile is left out."""
    values = {"ids": ids, "verdicts": verdicts, "references": references}
    rows = db.execute(STORE_VERDICTS, {**values, "source": SOURCE, "version": GRADER_VERSION})
    return {row.id: row.verdict for row in rows}
