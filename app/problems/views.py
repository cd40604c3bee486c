"""Pages of problems: find one, and see its solutions with what each source says of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from app.core.db import Db
from app.core.errors import NotFound
from app.core.web import redirect, render
from app.problems import grading_runs, queries, reference_corrections
from app.problems.decontamination import DEFAULT_WORDS, LEAST_WORDS, MOST_WORDS, report_overlap
from app.problems.grading import GRADER_VERSION
from app.problems.models import SPLITS, VERDICTS, Problem
from app.projects.access import Access, ProjectAdmin, Researcher

router = APIRouter(prefix="/projects/{slug}/problems", include_in_schema=False)
Number = Annotated[int, Query(ge=0, lt=2**62)]
PassageLength = Annotated[int, Query(ge=LEAST_WORDS, le=MOST_WORDS)]


@router.get("")
def problems(
    request: Request,
    db: Db,
    access: Researcher,
    q: str = "",
    split: str = "",
    subject: str = "",
    level: str = "",
    verdict: str = "",
    after: Number = 0,
) -> Response:
    problem_filter = queries.ProblemFilter(q[:200], split, subject, level, verdict)
    choices = queries.filter_choices(db, access.project.id)
    summaries, more = queries.list_problems(db, access.project.id, problem_filter, after)
    return render(
        request,
        "problems/problems.html",
        summaries=summaries,
        more=more,
        after=after,
        problem_filter=problem_filter,
        splits=SPLITS,
        verdicts=VERDICTS,
        subjects=choices["subjects"],
        levels=choices["levels"],
        grader_version=GRADER_VERSION,
        verdict_sources=grading_runs.VERDICT_SOURCES,
        outdated=grading_runs.count_outdated(db, access.project.id) if access.at_least("admin") else 0,
    )


@router.get("/overlap")
def overlap(
    request: Request, db: Db, access: Researcher, passage_length: PassageLength = DEFAULT_WORDS
) -> Response:
    report = report_overlap(db, access.project.id, passage_length)
    return render(request, "problems/overlap.html", report=report, least=LEAST_WORDS, most=MOST_WORDS)


@router.get("/{problem_id}")
def problem(request: Request, problem_id: int, db: Db, access: Researcher, after: Number = 0) -> Response:
    loaded = get_problem(db, access, problem_id)
    solutions, more = queries.list_solutions(db, loaded, after)
    verdicts, external_labels = queries.load_verdicts(db, solutions)
    return render(
        request,
        "problems/problem.html",
        problem=loaded,
        solutions=solutions,
        more=more,
        verdicts=verdicts,
        external_labels=external_labels,
    )


@router.post("/grading")
def start_grading(
    db: Db, access: ProjectAdmin, verdict_source: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Grade every solution again, by the chosen source of verdicts."""
    run = grading_runs.start_grading(db, access.project, access.user, verdict_source or None)
    return redirect(f"{access.home}/runs/{run.id}", "Grading started.")


@router.post("/{problem_id}/reference")
def correct(problem_id: int, db: Db, access: ProjectAdmin, answer: Annotated[str, Form()] = "") -> Response:
    problem = get_problem(db, access, problem_id)
    changed = reference_corrections.correct_reference_answer(db, problem, answer, access.user)
    message = "Saved. Its solutions are being regraded." if changed else "No changes."
    return redirect(f"{access.home}/problems/{problem.id}", message)


def get_problem(db: Db, access: Access, problem_id: int) -> Problem:
    chosen = select(Problem).where(Problem.id == problem_id, Problem.project_id == access.project.id)
    problem = db.scalar(chosen) if problem_id < 2**62 else None
    if problem is None:
        raise NotFound("Problem not found.", remedy="Open the problems list.")
    return problem
