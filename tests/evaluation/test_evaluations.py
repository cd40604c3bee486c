"""An evaluation from its start to its results, committed, through the worker's own driver."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.run_lifecycle import cancel_run
from app.evaluation import comparison_report, comparisons, driver, freeze, runs, sets
from app.evaluation.models import Comparison, Evaluation, EvaluationProblem, EvaluationSet
from app.exchange import importer
from app.problems import grading
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.scoring.models import ScoringRun
from app.selection import config as round_config
from app.selection import stages
from app.selection.models import Round
from app.training.models import Snapshot, SnapshotItem
from tests.factories import base as factories
from tests.factories import evaluation as evaluation_factories

pytestmark = pytest.mark.usefixtures("database", "home")


def get_evaluation(evaluation_id: int) -> Evaluation:
    with transaction() as db:
        return db.get_one(Evaluation, evaluation_id)


def world(problems: int = 6) -> tuple[int, int]:
    """(project, set)."""
    with transaction() as db:
        project = factories.project(db)
        evaluation_factories.pool(db, project, problems)
        return project.id, evaluation_factories.frozen(db, project).id


def model(project_id: int, values: list[float], name: str = "prm", **more: object) -> int:
    with transaction() as db:
        project = db.get_one(Project, project_id)
        rows = db.scalars(
            select(Solution).where(Solution.project_id == project_id).order_by(Solution.id)
        ).all()
        scored = evaluation_factories.scored(
            db, project, [list(rows[n : n + 4]) for n in range(0, len(rows), 4)], values, name
        )
        for key, value in more.items():
            setattr(scored, key, value)
        return scored.id


def start(set_id: int, **options: object) -> int:
    with transaction() as db:
        evaluation_set = db.get_one(EvaluationSet, set_id)
        return runs.start(db, evaluation_set, options.pop("config", {}), None, **options).id  # type: ignore[arg-type]


def test_results_match_values_computed_by_hand() -> None:
    """Scores .9 .2 .5 .4, right right wrong wrong. N = 2 of 6 pairs: the .9 is in three; {.2, .5},
    {.2, .4}, {.5, .4} pick wrong: 1/2. Majority of four: 4 and 4.0 are one answer, so are 5 and
    five: a tie, 1/2. Weighted: 1.1 to .9. pass@2: all but {5, five}."""
    project_id, set_id = world()
    evaluation_id = start(set_id, model_id=model(project_id, [0.9, 0.2, 0.5, 0.4]))
    assert driver.advance(evaluation_id) is False
    evaluation = get_evaluation(evaluation_id)
    assert (evaluation.state, evaluation.error) == ("succeeded", None)
    best = evaluation.results["best_of_n"]  # type: ignore[index]
    assert best["n"] == [1, 2, 3, 4]
    assert best["curves"]["best_of"]["mean"] == [0.5, 0.5, 0.75, 1.0]
    assert best["curves"]["majority"]["mean"][3] == 0.5
    assert best["curves"]["weighted"]["mean"][3] == 1
    assert best["curves"]["pass_at_n"]["mean"] == pytest.approx([0.5, 5 / 6, 1, 1], abs=1e-6)
    assert (best["problems"], best["solutions"], best["unscored"]) == (6, 24, 0)
    assert {group["name"] for group in best["groups"] if group["by"] == "level"} == {"Level 0", "Level 1"}
    assert len(best["ways"]) == 8
    with transaction() as db:
        assert len(db.scalars(select(EvaluationProblem)).all()) == 6
    assert driver.advance(evaluation_id) is False, "over is over"


def test_training_problems_are_excluded() -> None:
    """By statement: a copy counts. What its weights were picked by is only said."""
    project_id, set_id = world()
    with transaction() as db:
        snapshot = Snapshot(project_id=project_id, hash=b"x", definition={}, counts={})
        db.add(snapshot)
        db.flush()
        copy = factories.problem(db, db.get_one(Project, project_id), "Problem 1?")
        second = db.scalars(select(Problem).where(Problem.statement == "Problem 2?")).one()
        solution = factories.solution(db, copy)
        for ordinal, (problem, split) in enumerate([(copy, "train"), (second, "validation")]):
            db.add(
                SnapshotItem(
                    snapshot_id=snapshot.id, ordinal=ordinal, problem_id=problem.id, solution_id=solution.id,
                    assignment_ids=[], split=split, steps=["x"], targets=[1],
                )
            )  # fmt: skip
        snapshot_id = snapshot.id
    with transaction() as db:
        rows = db.scalars(select(Solution).join(Problem).where(Problem.split == "validation")).all()
        ordered = sorted(rows, key=lambda row: row.id)
        scored = evaluation_factories.scored(
            db, db.get_one(Project, project_id), [list(ordered[n : n + 4]) for n in range(0, 24, 4)],
            [0.9, 0.2, 0.5, 0.4],
        )  # fmt: skip
        scored.snapshot_id = snapshot_id
        model_id = scored.id
    evaluation_id = start(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = get_evaluation(evaluation_id).results or {}
    assert results["excluded"] == {"trained_on": 1, "selected_on": 1}
    assert results["best_of_n"]["problems"] == 5


def test_first_errors_and_calibration_from_labels() -> None:
    with transaction() as db:
        project = factories.project(db)
        solutions = [solution for four in evaluation_factories.pool(db, project, 10) for solution in four]
        scored = evaluation_factories.scored(db, project, [], [])
        for place, solution in enumerate(solutions):
            wrong = solution.verdict == "incorrect"
            evaluation_factories.first_error(db, solution, 1 if wrong else -1)
            evaluation_factories.score_steps(
                db, scored, solution, [0.1, 0.8 if wrong and place % 4 == 2 else 0.2]
            )
        set_id, model_id = evaluation_factories.frozen(db, project).id, scored.id
    evaluation_id = start(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = get_evaluation(evaluation_id).results or {}
    first = results["first_error"]
    assert first["f1"] == pytest.approx(2 * 0.5 * 1 / 1.5), "half the errors named, no false alarm"
    assert (first["subsets"][0]["wrong"], first["subsets"][0]["right"]) == (20, 20)
    assert first["low"] <= first["f1"] <= first["high"]
    assert [entry["name"] for entry in results["calibration"]["classes"]] == ["wrong", "not wrong"]
    assert results["calibration"]["steps"] == 80


def test_labels_without_a_score_are_counted() -> None:
    with transaction() as db:
        project = factories.project(db)
        solutions = [solution for four in evaluation_factories.pool(db, project, 10) for solution in four]
        scored = evaluation_factories.scored(db, project, [], [])
        for place, solution in enumerate(solutions):
            evaluation_factories.first_error(db, solution, 1 if solution.verdict == "incorrect" else -1)
            if place < 12:
                evaluation_factories.score_steps(db, scored, solution, [0.1, 0.8])
        set_id, model_id = evaluation_factories.frozen(db, project).id, scored.id
        db.add(
            ScoringRun(
                project_id=project.id, model_id=model_id, state="succeeded",
                config={"splits": ["train", "validation", "test"]},
            )
        )  # fmt: skip
    evaluation_id = start(set_id, model_id=model_id)
    assert driver.advance(evaluation_id) is False
    results = get_evaluation(evaluation_id).results or {}
    missing = {"scored": 12, "solutions": 40, "mostly_missing": True}
    assert results["coverage"]["graded"] == {**missing, "unscored_problems": 7}
    assert results["coverage"]["labeled"] == {**missing, "unscored_problems": 0}
    assert results["best_of_n"] is None
    assert results["first_error"]["solutions"] == 12


def test_missing_scores_are_computed_first() -> None:
    """It waits for a scoring run, its own or another's; when that is done, what is still without
    a score comes last."""
    project_id, set_id = world()
    with transaction() as db:
        scored = evaluation_factories.scored(db, db.get_one(Project, project_id), [], [])
        model_id = scored.id
    evaluation_id = start(set_id, model_id=model_id)
    assert driver.advance(evaluation_id) is True
    assert get_evaluation(evaluation_id).progress["phase"] == "waiting for scores"
    assert driver.advance(evaluation_id) is True
    with transaction() as db:
        run = db.scalars(select(ScoringRun)).one()
        assert run.id == get_evaluation(evaluation_id).scoring_run_id
        assert run.config["splits"] == ["validation"]
        for solution in db.scalars(select(Solution).where(Solution.final_answer != "five")):
            evaluation_factories.score_steps(db, scored, solution, [0.1, 0.3])
        run.state = "succeeded"
    assert driver.advance(evaluation_id) is False
    evaluation = get_evaluation(evaluation_id)
    assert (evaluation.state, evaluation.error) == ("succeeded", None)
    assert (evaluation.results or {})["best_of_n"]["unscored"] == 6
    again = start(set_id, model_id=model_id)
    assert driver.advance(again) is False, "the run saw them all: none is started again"


def test_a_failed_scoring_run_is_reported() -> None:
    project_id, set_id = world()
    with transaction() as db:
        model_id = evaluation_factories.scored(db, db.get_one(Project, project_id), [], []).id
    evaluation_id = start(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    with transaction() as db:
        run = db.scalars(select(ScoringRun)).one()
        run.state, run.error = "failed", "out of memory"
    assert driver.advance(evaluation_id) is False
    assert "out of memory" in (get_evaluation(evaluation_id).error or "")


def test_a_cancelled_evaluation_stays_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when that happens while it is being evaluation_factories."""
    project_id, set_id = world()
    model_id = model(project_id, [0.9, 0.2, 0.5, 0.4])
    evaluation_id = start(set_id, model_id=model_id)
    monkeypatch.setattr(driver, "PROGRESS_S", -1.0)
    record_progress = driver._record_progress

    def cancel_then_record(evaluation: Evaluation, progress: dict) -> None:
        with transaction() as db:
            row = db.get_one(Evaluation, evaluation.id)
            if row.state == "running":
                cancel_run(db, row, None)
        record_progress(evaluation, progress)

    monkeypatch.setattr(driver, "_record_progress", cancel_then_record)
    assert driver.advance(evaluation_id) is False
    assert (get_evaluation(evaluation_id).state, get_evaluation(evaluation_id).results) == ("cancelled", None)
    with transaction() as db, pytest.raises(Conflict):
        cancel_run(db, db.get_one(Evaluation, evaluation_id), None)


def test_invalid_evaluations_are_refused() -> None:
    _, set_id = world(1)
    with transaction() as db:
        evaluation_set = db.get_one(EvaluationSet, set_id)
        with pytest.raises(NotFound):
            runs.start(db, evaluation_set, {}, None, model_id=10**9)
        with pytest.raises(Invalid):
            runs.start(db, evaluation_set, {}, None)
        with pytest.raises(Invalid, match="aggregate"):
            runs.start(db, evaluation_set, {"aggregate": "best"}, None, external_score_name="x")
    evaluation_id = start(set_id, external_score_name="no such score")
    driver.advance(evaluation_id)
    assert "no such score" in (get_evaluation(evaluation_id).error or "")


def test_a_round_evaluates_its_model_once() -> None:
    project_id, _ = world()
    model_id = model(project_id, [0.9, 0.2, 0.5, 0.4])
    with transaction() as db:
        evaluation = runs.start_after_scoring(db, project_id, model_id)
        assert evaluation is not None
        assert runs.start_after_scoring(db, project_id, model_id) is None
    driver.advance(evaluation.id)
    with transaction() as db:
        assert runs.start_after_scoring(db, project_id, model_id) is None
        assert runs.start_after_scoring(db, factories.project(db).id, model_id) is None, (
            "nothing to judge it on"
        )


def test_the_scoring_run_of_a_round_ends_with_the_round() -> None:
    """The stage that waits for the scores starts the evaluation, once however often it is called."""
    project_id, _ = world()
    model_id = model(project_id, [0.9, 0.2, 0.5, 0.4])
    with transaction() as db:
        round_ = Round(project_id=project_id, generation=1, config={}, model_id=model_id)
        db.add(round_)
        db.flush()
        run = ScoringRun(
            project_id=project_id, model_id=model_id, state="running", config={}, parent_id=round_.id
        )
        db.add(run)
        db.flush()
        assert stages.score_pool(db, round_, round_config.parse({})) is False
        assert db.scalars(select(Evaluation)).all() == []
        run.state = "succeeded"
        for _ in range(2):
            assert stages.score_pool(db, round_, round_config.parse({})) is True
        assert [evaluation.model_id for evaluation in db.scalars(select(Evaluation))] == [model_id]


def test_an_orm_scores_the_last_token() -> None:
    """Its steps are no judgement of steps: no first errors, no calibration, one way to score."""
    with transaction() as db:
        project = factories.project(db)
        solutions = evaluation_factories.pool(db, project, 5)
        scored = evaluation_factories.scored(db, project, [], [], "orm", kind="orm")
        for four in solutions:
            for solution in four:
                evaluation_factories.first_error(db, solution, -1)
                evaluation_factories.score_steps(
                    db, scored, solution, [0.9, 0.1 if solution.verdict == "correct" else 0.2]
                )
        set_id, model_id = evaluation_factories.frozen(db, project).id, scored.id
    evaluation_id = start(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = get_evaluation(evaluation_id).results or {}
    assert results["best_of_n"]["curves"]["best_of"]["mean"][-1] == 1
    assert [way["aggregate"] for way in results["best_of_n"]["ways"]] == ["last"]
    assert (results["first_error"], results["calibration"]) == (None, None)


def test_a_comparison_of_two_evaluations() -> None:
    """The second picks wrong where the first picks right, on every problem."""
    project_id, set_id = world()
    ids = []
    for name, values in (("one", [0.9, 0.8, 0.5, 0.4]), ("two", [0.5, 0.4, 0.9, 0.8])):
        ids.append(start(set_id, model_id=model(project_id, values, name)))
        driver.advance(ids[-1])
    with transaction() as db:
        first, second = (db.get_one(Evaluation, evaluation_id) for evaluation_id in ids)
        comparison = comparisons.create(db, first, second)
        assert comparisons.create(db, first, second) == comparison
        with pytest.raises(Invalid):
            comparisons.create(db, first, first)
    comparison_report.run(comparisons.KIND, comparison.id)
    with transaction() as db:
        results = db.get_one(Comparison, comparison.id).results or {}
    best = results["best_of_n"]
    assert best["verdict"] == "worse"
    assert best["difference"]["mean"][-1] == best["difference"]["high"][-1] == -1
    assert best["difference"]["better"][-1] == 0
    assert best["picks"] == {"both": 0, "first": 6, "second": 0, "neither": 0}
    ranked = results["solutions"][0]
    assert (ranked["first_place"], ranked["second_place"], ranked["of"]) == (1, 3, 4)
    assert len(results["solutions"]) == 24
    with transaction() as db:
        other = evaluation_factories.frozen(db, db.get_one(Project, project_id), "Other").id
    third = start(other, model_id=get_evaluation(ids[0]).model_id)
    driver.advance(third)
    with transaction() as db, pytest.raises(Invalid, match="different sets"):
        comparisons.create(db, db.get_one(Evaluation, ids[0]), db.get_one(Evaluation, third))


def test_published_scores_on_math(shared_data: Path) -> None:
    """math_cot_100 through import, grader, set and driver: the published reward model's best-of-N
    is what going through every subset gives, for every N."""
    with transaction() as db:
        project = factories.project(db)
        path = shared_data / "solutions" / "math_cot_100.jsonl"
        begun = importer.create_import(db, project, path, split="validation")
    importer.run_import(begun.id)
    grading.grade_waiting(project.id)
    with transaction() as db:
        set_id = sets.create_set(db, project.id, "MATH", {}, None).id
    freeze.freeze_set(set_id)
    evaluation_id = start(set_id, external_score_name="pred_score")
    driver.advance(evaluation_id)
    curves = (get_evaluation(evaluation_id).results or {})["best_of_n"]["curves"]
    with transaction() as db:
        rows = db.execute(select(Solution.problem_id, Solution.verdict, Solution.detail)).all()
    problems: dict[int, list[tuple[float, bool]]] = {}
    for problem_id, verdict, detail in rows:
        problems.setdefault(problem_id, []).append((detail["pred_score"][0], verdict == "correct"))
    for n in range(1, 9):
        total = 0.0
        for solutions in problems.values():
            subsets = list(combinations(solutions, n))
            for subset in subsets:
                top = max(score for score, _ in subset)
                tied = [right for score, right in subset if score == top]
                total += sum(tied) / len(tied) / len(subsets)
        assert curves["best_of"]["mean"][n - 1] == pytest.approx(total / 100, abs=1e-6)
    assert json.dumps(curves)
