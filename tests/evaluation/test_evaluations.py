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
from tests.factories import evaluation as judged

pytestmark = pytest.mark.usefixtures("database", "home")


def of(evaluation_id: int) -> Evaluation:
    with transaction() as db:
        return db.get_one(Evaluation, evaluation_id)


def world(problems: int = 6) -> tuple[int, int]:
    """(project, set)."""
    with transaction() as db:
        project = factories.project(db)
        judged.pool(db, project, problems)
        return project.id, judged.frozen(db, project).id


def model(project_id: int, values: list[float], name: str = "prm", **more: object) -> int:
    with transaction() as db:
        project = db.get_one(Project, project_id)
        rows = db.scalars(
            select(Solution).where(Solution.project_id == project_id).order_by(Solution.id)
        ).all()
        made = judged.scored(
            db, project, [list(rows[n : n + 4]) for n in range(0, len(rows), 4)], values, name
        )
        for key, value in more.items():
            setattr(made, key, value)
        return made.id


def judge(set_id: int, **what: object) -> int:
    with transaction() as db:
        found = db.get_one(EvaluationSet, set_id)
        return runs.start(db, found, what.pop("config", {}), None, **what).id  # type: ignore[arg-type]


def test_by_hand() -> None:
    """Scores .9 .2 .5 .4, right right wrong wrong. N = 2 of 6 pairs: the .9 is in three; {.2, .5},
    {.2, .4}, {.5, .4} pick wrong: 1/2. Majority of four: 4 and 4.0 are one answer, so are 5 and
    five: a tie, 1/2. Weighted: 1.1 to .9. pass@2: all but {5, five}."""
    project_id, set_id = world()
    evaluation_id = judge(set_id, model_id=model(project_id, [0.9, 0.2, 0.5, 0.4]))
    assert driver.advance(evaluation_id) is False
    found = of(evaluation_id)
    assert (found.state, found.error) == ("succeeded", None)
    best = found.results["best_of_n"]  # type: ignore[index]
    assert best["n"] == [1, 2, 3, 4]
    assert best["curves"]["best_of"]["mean"] == [0.5, 0.5, 0.75, 1.0]
    assert best["curves"]["majority"]["mean"][3] == 0.5
    assert best["curves"]["weighted"]["mean"][3] == 1
    assert best["curves"]["oracle"]["mean"] == pytest.approx([0.5, 5 / 6, 1, 1], abs=1e-6)
    assert (best["problems"], best["solutions"], best["unscored"]) == (6, 24, 0)
    assert {group["name"] for group in best["groups"] if group["by"] == "level"} == {"Level 0", "Level 1"}
    assert len(best["ways"]) == 8
    with transaction() as db:
        assert len(db.scalars(select(EvaluationProblem)).all()) == 6
    assert driver.advance(evaluation_id) is False, "over is over"


def test_a_problem_the_model_learned_from_is_left_out() -> None:
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
        made = judged.scored(
            db, db.get_one(Project, project_id), [list(ordered[n : n + 4]) for n in range(0, 24, 4)],
            [0.9, 0.2, 0.5, 0.4],
        )  # fmt: skip
        made.snapshot_id = snapshot_id
        model_id = made.id
    evaluation_id = judge(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = of(evaluation_id).results or {}
    assert results["left_out"] == {"learned_from": 1, "picked_by": 1}
    assert results["best_of_n"]["problems"] == 5


def test_first_errors_and_calibration_from_labels() -> None:
    with transaction() as db:
        project = factories.project(db)
        solutions = [each for four in judged.pool(db, project, 10) for each in four]
        made = judged.scored(db, project, [], [])
        for place, solution in enumerate(solutions):
            wrong = solution.verdict == "incorrect"
            judged.first_error(db, solution, 1 if wrong else -1)
            judged.score_steps(db, made, solution, [0.1, 0.8 if wrong and place % 4 == 2 else 0.2])
        set_id, model_id = judged.frozen(db, project).id, made.id
    evaluation_id = judge(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = of(evaluation_id).results or {}
    first = results["first_error"]
    assert first["f1"] == pytest.approx(2 * 0.5 * 1 / 1.5), "half the errors named, no false alarm"
    assert (first["subsets"][0]["wrong"], first["subsets"][0]["right"]) == (20, 20)
    assert first["low"] <= first["f1"] <= first["high"]
    assert [each["name"] for each in results["calibration"]["classes"]] == ["wrong", "not wrong"]
    assert results["calibration"]["steps"] == 80


def test_scores_that_are_missing_are_made_first() -> None:
    """It waits for a scoring run, its own or another's; when that is done, what is still without
    a score comes last."""
    project_id, set_id = world()
    with transaction() as db:
        made = judged.scored(db, db.get_one(Project, project_id), [], [])
        model_id = made.id
    evaluation_id = judge(set_id, model_id=model_id)
    assert driver.advance(evaluation_id) is True
    assert of(evaluation_id).progress["phase"] == "waiting for scores"
    assert driver.advance(evaluation_id) is True
    with transaction() as db:
        run = db.scalars(select(ScoringRun)).one()
        assert run.id == of(evaluation_id).scoring_run_id
        assert run.config["splits"] == ["validation"]
        for solution in db.scalars(select(Solution).where(Solution.final_answer != "five")):
            judged.score_steps(db, made, solution, [0.1, 0.3])
        run.state = "succeeded"
    assert driver.advance(evaluation_id) is False
    found = of(evaluation_id)
    assert (found.state, found.error) == ("succeeded", None)
    assert (found.results or {})["best_of_n"]["unscored"] == 6
    again = judge(set_id, model_id=model_id)
    assert driver.advance(again) is False, "the run saw them all: none is started again"


def test_a_scoring_that_failed_is_said() -> None:
    project_id, set_id = world()
    with transaction() as db:
        model_id = judged.scored(db, db.get_one(Project, project_id), [], []).id
    evaluation_id = judge(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    with transaction() as db:
        run = db.scalars(select(ScoringRun)).one()
        run.state, run.error = "failed", "out of memory"
    assert driver.advance(evaluation_id) is False
    assert "out of memory" in (of(evaluation_id).error or "")


def test_cancelled_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when that happens while it is being judged."""
    project_id, set_id = world()
    model_id = model(project_id, [0.9, 0.2, 0.5, 0.4])
    evaluation_id = judge(set_id, model_id=model_id)
    monkeypatch.setattr(driver, "TELL_S", -1.0)
    noted = driver._note

    def cancel_then_note(evaluation: Evaluation, progress: dict) -> None:
        with transaction() as db:
            row = db.get_one(Evaluation, evaluation.id)
            if row.state == "running":
                cancel_run(db, row, None)
        noted(evaluation, progress)

    monkeypatch.setattr(driver, "_note", cancel_then_note)
    assert driver.advance(evaluation_id) is False
    assert (of(evaluation_id).state, of(evaluation_id).results) == ("cancelled", None)
    with transaction() as db, pytest.raises(Conflict):
        cancel_run(db, db.get_one(Evaluation, evaluation_id), None)


def test_what_cannot_be_started() -> None:
    _, set_id = world(1)
    with transaction() as db:
        found = db.get_one(EvaluationSet, set_id)
        with pytest.raises(NotFound):
            runs.start(db, found, {}, None, model_id=10**9)
        with pytest.raises(Invalid):
            runs.start(db, found, {}, None)
        with pytest.raises(Invalid, match="aggregate"):
            runs.start(db, found, {"aggregate": "best"}, None, outside="x")
    evaluation_id = judge(set_id, outside="no such score")
    driver.advance(evaluation_id)
    assert "no such score" in (of(evaluation_id).error or "")


def test_a_round_has_its_model_judged_once() -> None:
    project_id, _ = world()
    model_id = model(project_id, [0.9, 0.2, 0.5, 0.4])
    with transaction() as db:
        made = runs.after_scoring(db, project_id, model_id)
        assert made is not None
        assert runs.after_scoring(db, project_id, model_id) is None
    driver.advance(made.id)
    with transaction() as db:
        assert runs.after_scoring(db, project_id, model_id) is None
        assert runs.after_scoring(db, factories.project(db).id, model_id) is None, "nothing to judge it on"


def test_a_rounds_scoring_ends_with_it() -> None:
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
        assert [each.model_id for each in db.scalars(select(Evaluation))] == [model_id]


def test_an_outcome_model_is_read_at_its_last_token() -> None:
    """Its steps are no judgement of steps: no first errors, no calibration, one way to score."""
    with transaction() as db:
        project = factories.project(db)
        solutions = judged.pool(db, project, 5)
        made = judged.scored(db, project, [], [], "orm", kind="orm")
        for four in solutions:
            for solution in four:
                judged.first_error(db, solution, -1)
                judged.score_steps(db, made, solution, [0.9, 0.1 if solution.verdict == "correct" else 0.2])
        set_id, model_id = judged.frozen(db, project).id, made.id
    evaluation_id = judge(set_id, model_id=model_id)
    driver.advance(evaluation_id)
    results = of(evaluation_id).results or {}
    assert results["best_of_n"]["curves"]["best_of"]["mean"][-1] == 1
    assert [way["aggregate"] for way in results["best_of_n"]["ways"]] == ["last"]
    assert (results["first_error"], results["calibration"]) == (None, None)


def test_a_comparison() -> None:
    """The second picks wrong where the first picks right, on every problem."""
    project_id, set_id = world()
    ids = []
    for name, values in (("one", [0.9, 0.8, 0.5, 0.4]), ("two", [0.5, 0.4, 0.9, 0.8])):
        ids.append(judge(set_id, model_id=model(project_id, values, name)))
        driver.advance(ids[-1])
    with transaction() as db:
        first, second = (db.get_one(Evaluation, each) for each in ids)
        made = comparisons.create(db, first, second)
        assert comparisons.create(db, first, second) == made
        with pytest.raises(Invalid):
            comparisons.create(db, first, first)
    comparison_report.run(comparisons.KIND, made.id)
    with transaction() as db:
        results = db.get_one(Comparison, made.id).results or {}
    best = results["best_of_n"]
    assert best["verdict"] == "worse"
    assert best["difference"]["mean"][-1] == best["difference"]["high"][-1] == -1
    assert best["difference"]["better"][-1] == 0
    assert best["picks"] == {"both": 0, "first": 6, "second": 0, "neither": 0}
    ranked = results["solutions"][0]
    assert (ranked["first_place"], ranked["second_place"], ranked["of"]) == (1, 3, 4)
    assert len(results["solutions"]) == 24
    with transaction() as db:
        other = judged.frozen(db, db.get_one(Project, project_id), "Other").id
    third = judge(other, model_id=of(ids[0]).model_id)
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
    evaluation_id = judge(set_id, outside="pred_score")
    driver.advance(evaluation_id)
    curves = (of(evaluation_id).results or {})["best_of_n"]["curves"]
    with transaction() as db:
        rows = db.execute(select(Solution.problem_id, Solution.verdict, Solution.detail)).all()
    problems: dict[int, list[tuple[float, bool]]] = {}
    for problem_id, verdict, detail in rows:
        problems.setdefault(problem_id, []).append((detail["pred_score"][0], verdict == "correct"))
    for n in range(1, 9):
        total = 0.0
        for each in problems.values():
            subsets = list(combinations(each, n))
            for subset in subsets:
                top = max(score for score, _ in subset)
                tied = [right for score, right in subset if score == top]
                total += sum(tied) / len(tied) / len(subsets)
        assert curves["best_of"]["mean"][n - 1] == pytest.approx(total / 100, abs=1e-6)
    assert json.dumps(curves)
