"""Computes agreement in the worker, from all submissions.

Solutions are read in chunks. Only the sums of their tables (agreement_metrics.Batches) are kept, for the
project, each generation, each labeler with all others, and each pair. If a labeler submitted a solution
twice, the later submission counts. A labeler who chose an alternative step before any error has no first
error to compare."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.jobs import stop_requested
from app.core.run_kinds import RunKind
from app.core.run_lifecycle import now, record_heartbeat, record_success
from app.core.run_worker import Overtaken, Stopped, require_attempt, run_in_worker
from app.quality import agreement_metrics
from app.quality.agreement_metrics import Batches, Figure, Table
from app.quality.models import AgreementReport, AgreementValue

CHUNK = 500
NEWEST_SOLUTIONS = 100
"""Newest solutions stored with a value."""
MAX_PAIRS = 60
"""Pairs stored for a labeler: those with the most solutions in common."""
PROGRESS_SECONDS = 0.5

SELECT_SHARED = text(
    """
    SELECT t.solution_id FROM assignment a JOIN task t ON t.id = a.task_id
    WHERE a.project_id = :project AND a.state = 'submitted'
      AND a.finish_reason IN ('solution', 'found_error')
    GROUP BY 1 HAVING count(DISTINCT a.user_id) > 1 ORDER BY 1
    """
)
SELECT_RATINGS = text(
    """
    SELECT t.solution_id, t.generation, a.user_id, cardinality(s.steps) AS steps,
        array_agg(l.position ORDER BY l.position) AS positions,
        array_agg(l.rating ORDER BY l.position) AS ratings
    FROM task t JOIN assignment a ON a.task_id = t.id JOIN solution s ON s.id = t.solution_id
    JOIN solution_step_label l ON l.assignment_id = a.id
    WHERE t.solution_id = ANY(:ids) AND a.state = 'submitted'
      AND a.finish_reason IN ('solution', 'found_error')
    GROUP BY t.id, a.id, s.id ORDER BY t.solution_id, a.id
    """
)
SELECT_BASIS = text(
    "SELECT count(*) AS submissions, max(submitted_at) AS last_submission_at FROM assignment"
    " WHERE project_id = :project AND state = 'submitted'"
)


@dataclass(frozen=True)
class Scope:
    """The subject of a value. The fields are columns of the row."""

    scope: str
    generation: int | None = None
    user_id: int | None = None
    other_id: int | None = None


@dataclass
class Tables:
    """The tables of the solutions in a scope, by measure."""

    batches: dict[str, Batches] = field(default_factory=lambda: defaultdict(Batches))
    newest: deque[int] = field(default_factory=lambda: deque(maxlen=NEWEST_SOLUTIONS))
    solutions: int = 0

    def add(self, solution_id: int, tables: Mapping[str, Table]) -> None:
        for measure, table in tables.items():
            self.batches[measure].add(table)
        self.newest.appendleft(solution_id)
        self.solutions += 1


Collected = dict[Scope, Tables]


def run(kind: RunKind[AgreementReport], run_id: int) -> None:
    run_in_worker(kind, run_id, compute_agreement)


def compute_agreement(run: AgreementReport) -> None:
    """Compute all values and replace the stored ones."""
    project_id = run.project_id
    with transaction() as db:
        basis = db.execute(SELECT_BASIS, {"project": project_id}).one()
        ids = list(db.scalars(SELECT_SHARED, {"project": project_id}))
    report = report_progress(run)
    collected = collect_batches(ids, report)
    rows = list(compute_figures(project_id, largest_scopes(collected), report))
    with transaction() as db:
        row = require_attempt(db, run, AgreementReport)
        db.execute(text("DELETE FROM agreement_value WHERE project_id = :project"), {"project": project_id})
        if rows:
            db.execute(insert(AgreementValue), rows)
        row.submissions, row.last_submission_at, row.computed_at = (
            basis.submissions,
            basis.last_submission_at,
            now(),
        )
        record_success(db, run.id, run.fence)


def report_progress(run: AgreementReport) -> Callable[[str, int, int], None]:
    """A function that stores progress at most twice a second and stops the run when the worker stops."""
    last = 0.0

    def report(phase: str, done: int, total: int) -> None:
        nonlocal last
        if stop_requested.is_set():
            raise Stopped
        if time.monotonic() - last < PROGRESS_SECONDS:
            return
        last = time.monotonic()
        with transaction() as db:
            progress = {"phase": phase, "done": done, "total": total}
            if record_heartbeat(db, run.id, run.fence, progress) is not None:
                raise Overtaken

    return report


def collect_batches(ids: list[int], report: Callable[[str, int, int], None]) -> Collected:
    collected: Collected = defaultdict(Tables)
    for start in range(0, len(ids), CHUNK):
        report("reading", start, len(ids))
        with transaction() as db:
            for solution in load_ratings(db, ids[start : start + CHUNK]):
                add_to_scopes(collected, *solution)
    return collected


@dataclass(frozen=True)
class LabelerRatings:
    ratings: list[int | None]
    """Ratings of the solution's own steps, from the first step."""
    is_conclusive: bool
    """Whether the submission has a first error or rates the last step."""


Submissions = dict[Hashable, LabelerRatings]
"""The latest submission of each labeler."""


def load_ratings(
    db: Session, ids: list[int]
) -> Iterator[tuple[int, Submissions, dict[int | None, Submissions]]]:
    """Each solution with its submissions, in total and by generation."""
    by_solution: dict[int, Submissions] = defaultdict(dict)
    by_generation: dict[int, dict[int | None, Submissions]] = defaultdict(lambda: defaultdict(dict))
    for row in db.execute(SELECT_RATINGS, {"ids": ids}):  # oldest first
        ratings: list[int | None] = [None] * (row.positions[-1] + 1)
        for position, rating in zip(row.positions, row.ratings, strict=True):
            ratings[position] = rating
        submission = LabelerRatings(ratings, -1 in ratings or len(ratings) == row.steps)
        by_solution[row.solution_id][row.user_id] = submission
        by_generation[row.solution_id][row.generation][row.user_id] = submission
    for solution_id in sorted(by_solution):
        yield solution_id, by_solution[solution_id], by_generation[solution_id]


def add_to_scopes(
    collected: Collected,
    solution_id: int,
    submissions: Submissions,
    by_generation: Mapping[int | None, Submissions],
) -> None:
    """Add a solution to every scope that contains it."""
    for generation, in_generation in by_generation.items():
        if len(in_generation) > 1:
            collected[Scope("generation", generation)].add(solution_id, build_tables(in_generation))
    if len(submissions) < 2:
        return
    tables = build_tables(submissions)
    collected[Scope("project")].add(solution_id, tables)
    labelers: list[Any] = sorted(submissions, key=str)
    for labeler in labelers:
        collected[Scope("labeler", None, labeler)].add(solution_id, tables)
    ratings = {labeler: submission.ratings for labeler, submission in submissions.items()}
    for first, second in combinations(labelers, 2):
        pair = {"kappa": agreement_metrics.pair_table(ratings, first, second)}
        collected[Scope("pair", None, first, second)].add(solution_id, pair)


def build_tables(submissions: Submissions) -> dict[str, Table]:
    ratings = {labeler: submission.ratings for labeler, submission in submissions.items()}
    conclusive = {
        labeler: submission.ratings for labeler, submission in submissions.items() if submission.is_conclusive
    }
    return {
        "alpha": agreement_metrics.coincidence_table(ratings),
        "first_error": agreement_metrics.first_error_table(conclusive),
    }


def largest_scopes(collected: Collected) -> Collected:
    """All scopes except pairs beyond the MAX_PAIRS largest of either labeler."""
    ranked = sorted(collected.items(), key=lambda item: -item[1].solutions)
    counts: Counter[int | None] = Counter()
    largest: Collected = {}
    for scope, tables in ranked:
        if scope.scope == "pair":
            if min(counts[scope.user_id], counts[scope.other_id]) >= MAX_PAIRS:
                continue
            counts.update((scope.user_id, scope.other_id))
        largest[scope] = tables
    return largest


STATISTICS: dict[str, Callable[[Table], float | None]] = {
    "alpha": agreement_metrics.alpha_of_table,
    "first_error": agreement_metrics.share_of_table,
    "kappa": agreement_metrics.kappa_of_table,
}


RESAMPLES = {"alpha": agreement_metrics.RESAMPLES, "first_error": agreement_metrics.RESAMPLES, "kappa": 200}
"""Bootstrap resamples. Pairs get fewer, because there are many."""


def compute_figures(
    project_id: int, collected: Collected, report: Callable[[str, int, int], None]
) -> Iterator[dict[str, Any]]:
    """Rows of the table agreement_value."""
    for number, (scope, tables) in enumerate(collected.items()):
        for measure, batches in tables.batches.items():
            report("resampling", number, len(collected))
            figure: Figure = agreement_metrics.bootstrap_figure(
                batches, STATISTICS[measure], times=RESAMPLES[measure]
            )
            yield {
                "project_id": project_id, **vars(scope), "measure": measure, **vars(figure),
                "newest_solution_ids": list(tables.newest),
            }  # fmt: skip
