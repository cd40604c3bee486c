"""List a project's problems. Filters use indexes and pages use keys, so that every page is equally fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session

from app.problems.models import ExternalLabel, Problem, Solution, Verdict

PAGE = 50
SOLUTIONS_PER_PAGE = 40


@dataclass(frozen=True)
class ProblemFilter:
    query: str = ""
    split: str = ""
    subject: str = ""
    level: str = ""
    verdict: str = ""
    """Only problems that have a solution with this verdict."""

    @property
    def is_set(self) -> bool:
        return self != ProblemFilter()


@dataclass
class ProblemSummary:
    problem: Problem
    solutions: int
    correct: int
    incorrect: int


def list_problems(
    db: Session, project_id: int, problem_filter: ProblemFilter, after: int = 0
) -> tuple[list[ProblemSummary], int | None]:
    """Problems after id `after` with their solution counts, and the cursor of the next page."""
    problems = list(db.scalars(_chosen(project_id, problem_filter, after).limit(PAGE + 1)))
    more = problems[PAGE - 1].id if len(problems) > PAGE else None
    counts = _counts(db, [problem.id for problem in problems[:PAGE]])
    return [ProblemSummary(problem, *counts.get(problem.id, (0, 0, 0))) for problem in problems[:PAGE]], more


def _chosen(project_id: int, problem_filter: ProblemFilter, after: int) -> Select[Problem]:
    chosen = select(Problem).where(Problem.project_id == project_id, Problem.id > after)
    for column, value in (
        (Problem.split, problem_filter.split),
        (Problem.subject, problem_filter.subject),
        (Problem.level, problem_filter.level),
    ):
        if value:
            chosen = chosen.where(column == value)
    if query := problem_filter.query.replace("\0", "").strip():
        pattern = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        chosen = chosen.where(Problem.statement.ilike(pattern) | (Problem.external_id == query))
    if problem_filter.verdict:
        of_it = and_(Solution.problem_id == Problem.id, Solution.verdict == problem_filter.verdict)
        chosen = chosen.where(exists().where(of_it))
    return chosen.order_by(Problem.id)


def _counts(db: Session, ids: list[int]) -> dict[int, tuple[int, int, int]]:
    rows = db.execute(
        select(
            Solution.problem_id,
            func.count(),
            func.count().filter(Solution.verdict == "correct"),
            func.count().filter(Solution.verdict == "incorrect"),
        )
        .where(Solution.problem_id.in_(ids))
        .group_by(Solution.problem_id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def filter_choices(db: Session, project_id: int) -> dict[str, list[str]]:
    """Subjects and levels to filter by."""

    def distinct(column: Any) -> list[str]:
        of_it = select(column).where(Problem.project_id == project_id, column.is_not(None))
        return list(db.scalars(of_it.distinct().order_by(column).limit(100)))

    return {"subjects": distinct(Problem.subject), "levels": distinct(Problem.level)}


def list_solutions(db: Session, problem: Problem, after: int = 0) -> tuple[list[Solution], int | None]:
    solutions = list(
        db.scalars(
            select(Solution)
            .where(Solution.problem_id == problem.id, Solution.id > after)
            .order_by(Solution.id)
            .limit(SOLUTIONS_PER_PAGE + 1)
        )
    )
    return solutions[:SOLUTIONS_PER_PAGE], solutions[SOLUTIONS_PER_PAGE - 1].id if len(
        solutions
    ) > SOLUTIONS_PER_PAGE else None


def load_verdicts(
    db: Session, shown: list[Solution]
) -> tuple[dict[int, list[Verdict]], dict[int, list[ExternalLabel]]]:
    """Verdicts and external labels of these solutions, each with its source."""
    ids = [solution.id for solution in shown]
    verdicts: dict[int, list[Verdict]] = {identity: [] for identity in ids}
    for verdict in db.scalars(
        select(Verdict).where(Verdict.solution_id.in_(ids)).order_by(Verdict.source.desc())
    ):
        verdicts[verdict.solution_id].append(verdict)
    labels: dict[int, list[ExternalLabel]] = {identity: [] for identity in ids}
    query = select(ExternalLabel).where(ExternalLabel.solution_id.in_(ids)).order_by(ExternalLabel.source)
    for label in db.scalars(query):
        labels[label.solution_id].append(label)
    return verdicts, labels
