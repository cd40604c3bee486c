"""A solution graded wrong in which nobody finds a wrong step puts its reference in doubt; an admin
puts the reference right, and the solutions are graded anew."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.core.db import transaction
from app.labeling.models import Assignment, StepLabel, Task
from app.problems import grading, reference_corrections
from app.problems.models import Problem, Solution, Verdict
from app.projects.models import Project
from app.quality import suspect_references
from tests.factories import base as factories
from tests.factories import selection as loop

STEPS = ("2 + 3 = 5", "# Answer\n\n5")


def graded_wrong(db: Session, problem: Problem, *judgements: list[int]) -> Solution:
    """Says 5, where the reference says 4; labelers rate its steps so."""
    graded = factories.solution(db, problem, STEPS, verdict="incorrect", final_answer="5")
    task = factories.task(db, graded, overlap=max(1, len(judgements)))
    project = db.get_one(Project, problem.project_id)
    for ratings in judgements:
        loop.labeled(db, task, factories.member(db, project), ratings)
    return graded


def test_it_is_in_doubt_where_nobody_finds_a_wrong_step(db: Session) -> None:
    project = factories.project(db)
    doubted, with_error, split = (factories.problem(db, project) for _ in range(3))
    graded_wrong(db, doubted, [1, 1])
    graded_wrong(db, doubted, [1, 0], [0, 1])
    graded_wrong(db, doubted, [1, -1])
    graded_wrong(db, with_error, [-1])
    graded_wrong(db, split, [1, 1], [-1])
    graded_wrong(db, with_error)
    right = factories.solution(db, with_error)
    loop.labeled(db, factories.task(db, right), factories.member(db, project), [1, 1])

    assert suspect_references.count_suspect_references(
        db, project.id
    ) == suspect_references.SuspectReferences(labeled=5, without_error=2)
    (only,) = suspect_references.list_problems(db, project.id)
    assert (only["id"], only["labeled"], only["without_error"], only["answers"]) == (doubted.id, 3, 2, ["5"])
    assert suspect_references.list_problems(db, factories.project(db).id) == []


def test_a_labeler_who_calls_the_reference_wrong_is_evidence(db: Session) -> None:
    project = factories.project(db)
    quiet, rejected = (factories.problem(db, project) for _ in range(2))
    graded_wrong(db, quiet, [1, 1])
    solution = graded_wrong(db, rejected, [1, 1], [1, -1])
    verdicts = {"solution": "incorrect", "found_error": None}
    for assignment in db.scalars(
        select(Assignment).join(Task, Task.id == Assignment.task_id).where(Task.solution_id == solution.id)
    ):
        assignment.reference_verdict = verdicts[str(assignment.finish_reason)]
    db.flush()

    counts = suspect_references.count_suspect_references(db, project.id)
    assert (counts.labeled, counts.without_error, counts.rejected, counts.suspect) == (2, 1, 1, 2)
    problems = suspect_references.list_problems(db, project.id)
    assert [(row["id"], row["without_error"], row["rejections"]) for row in problems] == [
        (rejected.id, 0, 1),
        (quiet.id, 1, 0),
    ]
    assert problems[0]["answers"] == ["5"]
    for assignment in db.scalars(select(Assignment).where(Assignment.reference_verdict == "incorrect")):
        assignment.reference_verdict = "unsure"
    db.flush()
    assert [row["id"] for row in suspect_references.list_problems(db, project.id)] == [quiet.id]


def test_who_left_the_solution_for_another_way_said_nothing_of_its_end(db: Session) -> None:
    project = factories.project(db)
    problem = factories.problem(db, project)
    graded = factories.solution(db, problem, STEPS, verdict="incorrect", final_answer="5")
    held = loop.labeled(db, factories.task(db, graded), factories.member(db, project), [])
    texts = [STEPS[0], "2 + 2 = 4"]
    db.add(
        StepLabel(
            assignment_id=held.id, position=0, ratings=[1, 1], flags=[None, None], chosen=1, texts=texts
        )
    )
    db.flush()

    assert suspect_references.count_suspect_references(
        db, project.id
    ) == suspect_references.SuspectReferences(labeled=0, without_error=0)


@pytest.mark.parametrize(("labeled", "without_error", "warns"), [(5, 5, True), (4, 4, False), (60, 5, False)])
def test_few_or_a_small_share_are_no_worry(labeled: int, without_error: int, warns: bool) -> None:
    assert suspect_references.SuspectReferences(labeled, without_error).exceeds_warning_level == warns


def test_the_board_warns_and_the_list_leads_to_the_problem(db: Session, web: TestClient) -> None:
    project = factories.project(db, "Doubt")
    admin = factories.member(db, project, "admin")
    factories.sign_in(web, db, admin)
    assert "has been labeled yet" in web.get("/projects/doubt/quality/references").text
    problem = factories.problem(db, project, "What is <b>2</b> + 3?")
    for _ in range(suspect_references.FEW - 1):
        graded_wrong(db, problem, [1, 1])
    assert "Review references" not in web.get("/projects/doubt/dashboard").text
    graded_wrong(db, problem, [1, 1])

    assert "5 of 5 labeled incorrect answers have no error" in " ".join(
        web.get("/projects/doubt/dashboard").text.split()
    )
    assert "of 5 incorrect solutions</a>" in web.get("/projects/doubt/quality").text
    listed = web.get("/projects/doubt/quality/references").text
    assert f'href="/projects/doubt/problems/{problem.id}"' in listed
    assert "&lt;b&gt;2&lt;/b&gt;" in listed
    where = f"/projects/doubt/problems/{problem.id}"
    assert "Edit reference answer" in web.get(where).text
    assert web.post(f"{where}/reference", data={"answer": " 5 "}).status_code == 303
    page = web.get(where).text
    assert "being regraded" in page
    assert "Ungraded" in page
    assert web.post(f"{where}/reference", data={"answer": "5"}).status_code == 303
    assert "No changes." in web.get(where).text
    events = db.scalars(select(AuditEvent).where(AuditEvent.action == "problem.correct")).all()
    assert [event.detail for event in events] == [{"before": "4", "after": "5"}]
    jobs = db.execute(text("SELECT task_name, args FROM procrastinate_jobs")).all()
    assert ("problems.grade", {"project_id": project.id}) in [tuple(job) for job in jobs]


def test_a_researcher_sees_and_cannot_correct(db: Session, web: TestClient) -> None:
    project = factories.project(db, "Seen")
    problem = factories.problem(db, project)
    factories.sign_in(web, db, factories.member(db, project, "researcher"))

    assert "Edit reference answer" not in web.get(f"/projects/seen/problems/{problem.id}").text
    for method, path in (
        ("POST", f"/projects/seen/problems/{problem.id}/reference"),
        ("PUT", f"/api/v1/projects/seen/problems/{problem.id}/reference"),
    ):
        assert web.request(method, path, json={"answer": "5"}).status_code == 403
    assert db.get_one(Problem, problem.id).reference_answer == "4"


@pytest.mark.parametrize("answer", ["", "   ", "x" * 2001])
def test_what_is_no_answer_is_refused_and_nothing_changes(db: Session, web: TestClient, answer: str) -> None:
    project = factories.project(db, "Refused")
    graded = factories.solution(db, factories.problem(db, project))
    factories.sign_in(web, db, factories.member(db, project, "admin"))

    answered = web.put(
        f"/api/v1/projects/refused/problems/{graded.problem_id}/reference", json={"answer": answer}
    )

    assert answered.status_code == 422
    db.refresh(graded)
    assert graded.verdict == "correct"


def stored() -> tuple[int, int]:
    """A project's id and its problem's: the reference 4, and solutions that say 4 and 5, graded."""
    with transaction() as db:
        problem = factories.problem(db, factories.project(db))
        for answer in ("4", "5"):
            factories.solution(
                db, problem, ("So.", f"# Answer\n\n{answer}"), verdict=None, final_answer=answer
            )
        ids = problem.project_id, problem.id
    grading.grade_waiting(ids[0])
    return ids


def corrected(problem_id: int, answer: str) -> bool:
    with transaction() as db:
        return reference_corrections.correct_reference_answer(
            db, db.get_one(Problem, problem_id), answer, factories.user(db)
        )


def verdicts() -> dict[str | None, str | None]:
    with transaction() as db:
        solutions = db.execute(select(Solution.final_answer, Solution.verdict)).all()
        stored_verdicts = dict(db.execute(select(Verdict.solution_id, Verdict.verdict)).all())
        assert sorted(stored_verdicts.values()) == sorted(verdict for _, verdict in solutions if verdict)
        return dict(solutions)


@pytest.mark.usefixtures("database")
def test_its_solutions_are_graded_by_the_corrected_reference() -> None:
    project_id, problem_id = stored()
    assert verdicts() == {"4": "correct", "5": "incorrect"}

    assert corrected(problem_id, "5")
    assert verdicts() == {"4": None, "5": None}
    grading.grade_waiting(project_id)

    assert verdicts() == {"4": "incorrect", "5": "correct"}
    assert not corrected(problem_id, "5")
    assert verdicts() == {"4": "incorrect", "5": "correct"}


@pytest.mark.usefixtures("database")
def test_corrected_while_it_is_graded_the_old_verdicts_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    project_id, problem_id = stored()
    assert corrected(problem_id, "4.0")
    grade = grading.grade

    def meanwhile(reference: str, answer: str | None, prover: Any) -> str:
        corrected(problem_id, "5")
        return grade(reference, answer, prover)

    monkeypatch.setattr(grading, "grade", meanwhile)
    grading.grade_waiting(project_id)
    assert verdicts() == {"4": None, "5": None}
    monkeypatch.setattr(grading, "grade", grade)
    grading.grade_waiting(project_id)

    assert verdicts() == {"4": "incorrect", "5": "correct"}
