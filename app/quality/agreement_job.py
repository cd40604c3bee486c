"""Counting agreement, in the worker: no page waits for it, and nothing is left out of it.

Solutions are read a few hundred at a time and forgotten again; what stays are sums of their tables
(agreement.Batches), for the project, each generation, each labeler with all others, and each pair.
Someone who judged a solution twice counts with the later judgement. A labeler whose walk left the
solution's own steps before an error has no first error to compare."""

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
from app.quality.models import Agreement, AgreementFigure

CHUNK = 500
KEPT_SOLUTIONS = 100
"""Newest solutions named with a figure."""
PAIRS = 60
"""Pairs kept for a labeler: those with most solutions in common."""
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
    "SELECT count(*) AS submissions, max(submitted_at) AS last_at FROM assignment"
    " WHERE project_id = :project AND state = 'submitted'"
)


@dataclass(frozen=True)
class Scope:
    """What a figure is of; its fields are the row's."""

    about: str
    generation: int | None = None
    user_id: int | None = None
    other_id: int | None = None


@dataclass
class Tables:
    """Of one thing: by measure, the tables of its solutions."""

    batches: dict[str, Batches] = field(default_factory=lambda: defaultdict(Batches))
    newest: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT_SOLUTIONS))
    solutions: int = 0

    def add(self, solution_id: int, tables: Mapping[str, Table]) -> None:
        for measure, table in tables.items():
            self.batches[measure].add(table)
        self.newest.appendleft(solution_id)
        self.solutions += 1


Collected = dict[Scope, Tables]


def run(kind: RunKind[Agreement], run_id: int) -> None:
    run_in_worker(kind, run_id, compute_agreement)


def compute_agreement(run: Agreement) -> None:
    """Count everything and put it in place of what was counted before."""
    project_id = run.project_id
    with transaction() as db:
        basis = db.execute(SELECT_BASIS, {"project": project_id}).one()
        ids = list(db.scalars(SELECT_SHARED, {"project": project_id}))
    report = report_progress(run)
    collected = collect_batches(ids, report)
    rows = list(compute_figures(project_id, largest_scopes(collected), report))
    with transaction() as db:
        row = require_attempt(db, run, Agreement)
        db.execute(text("DELETE FROM agreement_figure WHERE project_id = :project"), {"project": project_id})
        if rows:
            db.execute(insert(AgreementFigure), rows)
        row.submissions, row.last_at, row.counted_at = basis.submissions, basis.last_at, now()
        record_success(db, run.id, run.fence)


def report_progress(run: Agreement) -> Callable[[str, int, int], None]:
    """Records how far it is, at most twice a second; and notices that the worker is ending."""
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
    """Of the solution's own steps, from the first on."""
    firm: bool
    """It names a first error, or went through to the last step."""


Submissions = dict[Hashable, LabelerRatings]
"""By labeler; of those who judged it twice, the later."""


def load_ratings(
    db: Session, ids: list[int]
) -> Iterator[tuple[int, Submissions, dict[int | None, Submissions]]]:
    """Each solution with its judgements in all, and by generation."""
    by_solution: dict[int, Submissions] = defaultdict(dict)
    by_generation: dict[int, dict[int | None, Submissions]] = defaultdict(lambda: defaultdict(dict))
    for row in db.execute(SELECT_RATINGS, {"ids": ids}):  # the oldest first
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
    """Put one solution into every figure it belongs to."""
    for generation, judged in by_generation.items():
        if len(judged) > 1:
            collected[Scope("generation", generation)].add(solution_id, build_tables(judged))
    if len(submissions) < 2:
        return
    tables = build_tables(submissions)
    collected[Scope("project")].add(solution_id, tables)
    people: list[Any] = sorted(submissions, key=str)
    for labeler in people:
        collected[Scope("labeler", None, labeler)].add(solution_id, tables)
    ratings = {who: submission.ratings for who, submission in submissions.items()}
    for first, second in combinations(people, 2):
        pair = {"kappa": agreement_metrics.pair_table(ratings, first, second)}
        collected[Scope("pair", None, first, second)].add(solution_id, pair)


def build_tables(judged: Submissions) -> dict[str, Table]:
    ratings = {who: submission.ratings for who, submission in judged.items()}
    firm = {who: submission.ratings for who, submission in judged.items() if submission.firm}
    return {
        "alpha": agreement_metrics.coincidence_table(ratings),
        "first_error": agreement_metrics.first_error_table(firm),
    }


def largest_scopes(collected: Collected) -> Collected:
    """All but the pairs that stand behind PAIRS others at both labelers."""
    ranked = sorted(collected.items(), key=lambda item: -item[1].solutions)
    held: Counter[int | None] = Counter()
    largest: Collected = {}
    for scope, tables in ranked:
        if scope.about == "pair":
            if min(held[scope.user_id], held[scope.other_id]) >= PAIRS:
                continue
            held.update((scope.user_id, scope.other_id))
        largest[scope] = tables
    return largest


STATISTICS: dict[str, Callable[[Table], float | None]] = {
    "alpha": agreement_metrics.alpha_of_table,
    "first_error": agreement_metrics.share_of_table,
    "kappa": agreement_metrics.kappa_of_table,
}


RESAMPLES = {"alpha": agreement_metrics.RESAMPLES, "first_error": agreement_metrics.RESAMPLES, "kappa": 200}
"""Resamples; of pairs there are many."""


def compute_figures(
    project_id: int, collected: Collected, report: Callable[[str, int, int], None]
) -> Iterator[dict[str, Any]]:
    """Rows of agreement_figure."""
    for number, (scope, tables) in enumerate(collected.items()):
        for measure, batches in tables.batches.items():
            report("resampling", number, len(collected))
            figure: Figure = agreement_metrics.bootstrap_figure(
                batches, STATISTICS[measure], times=RESAMPLES[measure]
            )
            yield {
                "project_id": project_id, **vars(scope), "measure": measure, **vars(figure),
                "newest": list(tables.newest),
            }  # fmt: skip
