"""The pages: what a researcher sees, can start and can download."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.evaluation import generation_curve, report
from app.evaluation.config import EvaluationConfig
from app.evaluation.load_set import load_evaluation_data
from app.evaluation.models import Comparison, Evaluation, EvaluationSet
from app.projects.models import Project
from app.selection.models import Generation
from tests.factories import base as factories
from tests.factories import evaluation as judged
from tests.markup import read_page

HOSTILE = '<script>alert(1)</script>=cmd|"x"'


class Page:
    def __init__(self, db: Session, web: TestClient) -> None:
        self.db, self.web = db, web
        self.project = factories.project(db, "Judged")
        factories.sign_in(web, db, factories.member(db, self.project, "researcher"))
        self.home = f"/projects/{self.project.slug}"

    def get(self, path: str, status: int = 200) -> str:
        answer = self.web.get(self.home + path)
        assert answer.status_code == status, answer.text
        return read_page(answer)

    def evaluation(self, on: EvaluationSet, model_id: int) -> Evaluation:
        """Judged in this session."""
        config = EvaluationConfig(subsets=20, resamples=50)
        evaluation = Evaluation(
            project_id=on.project_id, evaluation_set_id=on.id, model_id=model_id, config=config.to_json(),
            state="running",
        )  # fmt: skip
        self.db.add(evaluation)
        self.db.flush()
        pool = load_evaluation_data(self.db, evaluation, config).pool
        curves = report.compute_curves(pool, config, lambda *_: None)
        best_of_n = report.build_report(pool, curves, config)
        excluded = {"trained_on": 2, "selected_on": 0}
        evaluation.results = {
            "best_of_n": best_of_n,
            "first_error": None,
            "calibration": None,
            "excluded": excluded,
        }
        evaluation.state = "succeeded"
        self.db.flush()
        return evaluation


@pytest.fixture
def page(db: Session, web: TestClient) -> Page:
    return Page(db, web)


def test_a_project_without_evaluations(page: Page) -> None:
    assert "No evaluation sets" in page.get("/evaluations")


def test_create_a_set_and_an_evaluation_with_forms(page: Page) -> None:
    solutions = judged.pool(page.db, page.project, 2)
    model = judged.scored(page.db, page.project, solutions, [0.9, 0.2, 0.5, 0.4])
    created = page.web.post(page.home + "/evaluation-sets", data={"name": HOSTILE, "split": "validation"})
    assert created.status_code == 303
    page.web.cookies.delete("stepmark_flash")
    frozen = page.db.scalars(select(EvaluationSet)).one()
    assert HOSTILE not in page.get(f"/evaluation-sets/{frozen.id}")
    started = page.web.post(page.home + "/evaluations", data={"set_id": frozen.id, "judged": model.id})
    assert started.status_code == 303
    evaluation = page.db.scalars(select(Evaluation)).one()
    assert (evaluation.model_id, evaluation.state) == (model.id, "queued")
    assert "hx-get" in page.get(f"/evaluations/{evaluation.id}")
    jobs = page.db.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")).scalars()
    assert {"evaluation.freeze", "runs.evaluation"} <= set(jobs)
    page.web.post(page.home + f"/evaluations/{evaluation.id}/cancellation")
    progress = page.web.get(page.home + f"/evaluations/{evaluation.id}/progress")
    assert progress.headers["HX-Refresh"] == "true"
    assert "Cancelled" in page.get(f"/evaluations/{evaluation.id}")
    bad = page.web.post(page.home + "/evaluation-sets", data={"name": "", "split": "validation"})
    assert bad.status_code == 422


def test_results_have_plots_tables_and_downloads(page: Page) -> None:
    solutions = judged.pool(page.db, page.project, 6)
    model = judged.scored(page.db, page.project, solutions, [0.9, 0.2, 0.5, 0.4], HOSTILE)
    frozen = judged.frozen(page.db, page.project)
    evaluation = page.evaluation(frozen, model.id)
    for path in (f"/evaluations/{evaluation.id}", f"/models/{model.id}"):
        shown = page.get(path)
        assert "<script>alert" not in shown
        assert "Best-of-N" in shown
        assert "2 more problems are excluded because the model was trained on them" in shown
        assert f"{page.home}/evaluations/{evaluation.id}/plots/best-of-n.json" in shown
        assert "best-of-N: 50.0% to 100.0%" in shown, "said in a sentence"
    rows = list(csv.reader(io.StringIO(page.get(f"/evaluations/{evaluation.id}/plots/best-of-n.csv"))))
    assert rows[0][:2] == ["N", "best-of-N"]
    assert [row[:2] for row in rows[1:]] == [["1", "0.5"], ["2", "0.5"], ["3", "0.75"], ["4", "1.0"]]
    data = page.web.get(page.home + f"/evaluations/{evaluation.id}/plots/by-level.json").json()
    assert data["x"]["names"] == ["Level 0 (3)", "Level 1 (3)"]
    page.get(f"/evaluations/{evaluation.id}/plots/nothing.json", 404)
    page.get(f"/evaluations/{evaluation.id}/plots/best-of-n.exe", 404)
    assert '100.0 <small class="nowrap">100.0 to 100.0, N = 4' in page.get("/evaluations")


def test_the_page_says_how_many_solutions_have_a_score(page: Page) -> None:
    solutions = judged.pool(page.db, page.project, 6)
    model = judged.scored(page.db, page.project, solutions, [0.9, 0.2, 0.5, 0.4])
    evaluation = page.evaluation(judged.frozen(page.db, page.project), model.id)
    graded = {"scored": 1_512, "solutions": 3_000, "unscored_problems": 7, "mostly_missing": False}
    labeled = {"scored": 90, "solutions": 90, "unscored_problems": 0, "mostly_missing": False}
    results = evaluation.results or {}
    evaluation.results = {**results, "coverage": {"graded": graded, "labeled": labeled}}
    page.db.flush()
    shown = page.get(f"/evaluations/{evaluation.id}")
    assert "1,512 of 3,000 graded solutions have a score" in shown
    assert "7 more problems are excluded because none of their solutions has a score" in shown
    assert "90 labeled" not in shown
    assert "not reported" not in shown
    missing = {**graded, "scored": 94, "mostly_missing": True}
    evaluation.results = {**results, "best_of_n": None, "coverage": {"graded": missing, "labeled": labeled}}
    page.db.flush()
    shown = page.get(f"/evaluations/{evaluation.id}")
    assert "94 of 3,000 graded solutions have a score" in shown
    assert "Best-of-N and votes are not reported" in shown
    assert "best of " not in shown


def compared(page: Page, verdict: str) -> tuple[list[Evaluation], Comparison]:
    solutions = judged.pool(page.db, page.project, 4)
    frozen = judged.frozen(page.db, page.project)
    evaluations = []
    for number, values in enumerate(([0.9, 0.8, 0.5, 0.4], [0.5, 0.4, 0.9, 0.8])):
        model = judged.scored(page.db, page.project, solutions, values, f"prm-{number}")
        evaluations.append(page.evaluation(frozen, model.id))
        page.db.add(Generation(project_id=page.project.id, number=number, model_id=model.id))
        factories.task(page.db, solutions[number][0], generation=number)
    curve = (evaluations[0].results or {})["best_of_n"]["curves"]["best_of"]
    apart = {"mean": [-1.0] * 4, "low": [-1.0] * 4, "high": [-0.5] * 4, "better": [0.0] * 4}
    comparison = Comparison(
        project_id=page.project.id, first_id=evaluations[0].id, second_id=evaluations[1].id,
        state="succeeded",
        results={
            "best_of_n": {
                "problems": 4, "n": [1, 2, 3, 4], "difference": apart, "verdict": verdict, "groups": [],
                "curves": dict.fromkeys(("first", "second", "majority", "pass_at_n"), curve),
                "picks": {"both": 0, "first": 4, "second": 0, "neither": 0},
            },
            "first_error": [None, None], "ece": [None, None],
            "solutions": [
                {
                    "solution_id": solutions[0][0].id, "problem_id": solutions[0][0].problem_id, "of": 4,
                    "verdict": "correct", "first_place": 1.0, "second_place": 3.0, "first_score": 0.9,
                    "second_score": None, "apart": 1.0,
                }
            ],
        },
    )  # fmt: skip
    page.db.add(comparison)
    page.db.flush()
    return evaluations, comparison


def test_the_page_of_a_comparison(page: Page) -> None:
    evaluations, comparison = compared(page, "worse")
    again = page.web.post(
        page.home + "/comparisons", data={"first_id": evaluations[0].id, "second_id": evaluations[1].id}
    )
    assert again.headers["location"] == f"{page.home}/comparisons/{comparison.id}"
    shown = page.get(f"/comparisons/{comparison.id}")
    assert "prm-1 is worse." in shown
    solution = (comparison.results or {})["solutions"][0]
    assert f"/problems/{solution['problem_id']}#solution-{solution['solution_id']}" in shown
    assert "no score" in shown
    rows = page.get(f"/comparisons/{comparison.id}/plots/difference.csv").splitlines()
    assert rows[1] == "1,-1.0,-1.0,-0.5"


def test_the_dashboard_warns_when_the_newest_model_is_worse(page: Page) -> None:
    _, comparison = compared(page, "worse")
    shown = page.get("/dashboard")
    assert "The newest model, prm-1, is worse than the previous model" in shown
    assert f"{page.home}/comparisons/{comparison.id}" in shown
    assert "Best-of-N by generation" in shown
    rows = page.get("/dashboard/plots/generations.csv").splitlines()
    assert rows[0].startswith("generation,")
    assert [row.split(",")[0] for row in rows[1:]] == ["0", "1"]


def test_the_dashboard_has_no_warning_when_the_newest_model_is_better(page: Page) -> None:
    compared(page, "unclear")
    shown = page.get("/dashboard")
    assert "is worse than the previous model" not in shown
    assert "no significant change" in shown


def test_a_dashboard_without_evaluations_has_no_curve(page: Page) -> None:
    assert generation_curve.load_curves(page.db, page.project.id, {}) == {}
    page.get("/dashboard/plots/generations.csv", 404)


def test_the_api(page: Page) -> None:
    solutions = judged.pool(page.db, page.project, 2)
    model = judged.scored(page.db, page.project, solutions, [0.9, 0.2, 0.5, 0.4])
    api = f"/api/v1/projects/{page.project.slug}"

    def post(path: str, status: int, **body: object) -> dict:
        answer = page.web.post(api + path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    assert post("/evaluations", 201, model_id=model.id)["state"] == "queued", "on a set made for it"
    created = post("/evaluation-sets", 201, name="Mine", definition={"splits": ["validation"]})
    assert (created["state"], created["hash"]) == ("queued", None)
    for wrong in (
        {"model_id": model.id, "external_score_name": "x"},
        {},
        {"model_id": -1},
        {"model_id": model.id, "colour": 1},
        {"external_folder": "/etc"},
        {"model_id": model.id, "config": {"top_k": 0}},
        {"model_id": model.id, "config": []},
        {"external_score_name": ""},
    ):
        post("/evaluations", 422, **wrong)
    post("/evaluations", 404, model_id=model.id, set_id=10**9)
    evaluation = page.evaluation(judged.frozen(page.db, page.project, "Now"), model.id)
    payload = page.web.get(f"{api}/evaluations/{evaluation.id}").json()
    assert payload["best"]["mean"] == 1.0
    assert payload["results"]["best_of_n"]["n"] == [1, 2, 3, 4]
    post("/comparisons", 422, first_id=evaluation.id, second_id=evaluation.id)
    listed = page.web.get(f"{api}/evaluations").json()["evaluations"]
    assert listed[0]["id"] == evaluation.id
    assert "results" not in listed[0]


def test_other_projects_are_hidden(page: Page, db: Session) -> None:
    theirs: Project = factories.project(db, "Theirs")
    page.home = f"/projects/{theirs.slug}"
    page.get("/evaluations", 404)
