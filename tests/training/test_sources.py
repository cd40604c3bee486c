"""Snapshots whose labels come from the grader or from a model, and what may be trained on them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.projects.models import Project
from app.scoring.models import Score
from app.training import runs, snapshots
from app.training.models import Model, Snapshot, SnapshotItem, TrainingRun
from tests.factories import base as factories

STEPS = ("one", "two", "three")


def items(db: Session, snapshot: Snapshot) -> list[SnapshotItem]:
    of_it = select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot.id)
    return list(db.scalars(of_it.order_by(SnapshotItem.ordinal)))


def a_model(db: Session, project: Project, kind: str = "prm") -> Model:
    model = Model(
        project_id=project.id, name="big", kind=kind, path="x", weights_hash=b"x", config={}, metrics={}
    )
    db.add(model)
    db.flush()
    return model


def scored(db: Session, model: Model, solution: Any, negatives: list[float]) -> None:
    probs = [value for p in negatives for value in (p, 0.0, 1 - p)]
    db.add(Score(model_id=model.id, solution_id=solution.id, problem_id=solution.problem_id, log_score=-1.0,
                 step_probs=probs))  # fmt: skip
    db.flush()


@pytest.fixture
def project(db: Session) -> Project:
    return factories.project(db)


def test_verdicts_are_the_targets_of_last_steps(db: Session, project: Project) -> None:
    problem = factories.problem(db, project)
    for verdict in ("correct", "incorrect", "unparseable"):
        factories.solution(db, problem, STEPS, verdict=verdict)
    factories.solution(db, problem, STEPS, verdict=None)
    factories.solution(db, factories.problem(db, project, "In test?", split="test"), STEPS)
    snapshot = snapshots.create_snapshot(db, project.id, {"source": "verdicts"}, None)
    assert [item.targets for item in items(db, snapshot)] == [[None, None, 1], [None, None, -1]]
    assert snapshot.counts["positive"] == snapshot.counts["negative"] == 1


def test_a_model_calls_wrong_what_is_above_the_threshold(db: Session, project: Project) -> None:
    model, problem = a_model(db, project), factories.problem(db, project)
    scored(db, model, factories.solution(db, problem, STEPS), [0.05, 0.2, 0.1])
    scored(db, model, factories.solution(db, problem, ("a", "b", "c")), [0.1, 0.21, 0.9])
    hidden = factories.problem(db, project, "In test?", split="test")
    scored(db, model, factories.solution(db, hidden, STEPS), [0.1, 0.1, 0.1])
    named = {"source": "model", "model_id": model.id}
    snapshot = snapshots.create_snapshot(db, project.id, named, None)
    assert [(item.steps, item.targets) for item in items(db, snapshot)] == [
        (list(STEPS), [1, 1, 1]),
        (["a", "b"], [1, -1]),
    ]
    strict = snapshots.create_snapshot(
        db, project.id, {**named, "threshold": 0.15, "cut_at_first_error": False}, None
    )
    assert [item.targets for item in items(db, strict)] == [[1, -1, 1], [1, -1, -1]]
    assert strict.hash != snapshot.hash


def test_labels_of_people_stay_out_of_it(db: Session, project: Project) -> None:
    from tests.factories import selection as loop

    who, problem = factories.member(db, project), factories.problem(db, project)
    solution = factories.solution(db, problem, STEPS, verdict="correct")
    loop.labeled(db, factories.task(db, solution), who, [1, 1, -1])
    by_people = snapshots.create_snapshot(db, project.id, {}, None)
    by_grader = snapshots.create_snapshot(db, project.id, {"source": "verdicts"}, None)
    assert [item.targets for item in items(db, by_people)] == [[1, 1, -1]]
    assert [item.targets for item in items(db, by_grader)] == [[None, None, 1]]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"source": "rumour"}, "source must be one of"),
        ({"source": ["people", "model"]}, "source must be one of"),
        ({"source": "model"}, "names no model"),
        ({"source": "model", "model_id": 10**30}, "names no model"),
        ({"source": "model", "model_id": True}, "model_id must be a whole number"),
        ({"source": "verdicts", "threshold": 1.5}, "threshold"),
        ({"source": "verdicts"}, "no graded solution"),
    ],
)
def test_what_is_no_source(db: Session, project: Project, definition: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        snapshots.create_snapshot(db, project.id, definition, None)


def test_another_projects_model_and_an_orm_are_no_labelers(db: Session, project: Project) -> None:
    strange = a_model(db, factories.project(db))
    with pytest.raises(Invalid, match="names no model"):
        snapshots.create_snapshot(db, project.id, {"source": "model", "model_id": strange.id}, None)
    outcome_model = a_model(db, project, "orm")
    with pytest.raises(Invalid, match="not steps"):
        snapshots.create_snapshot(db, project.id, {"source": "model", "model_id": outcome_model.id}, None)


@pytest.mark.parametrize(
    ("source", "objective", "fits"),
    [("verdicts", "orm", True), ("verdicts", "verifier_solution", True), ("verdicts", "prm3", False),
     ("model", "prm2", True), ("model", "orm", False), ("model", "soft", False)],
)  # fmt: skip
def test_an_objective_takes_labels_of_its_kind(
    db: Session, project: Project, source: str, objective: str, fits: bool
) -> None:
    model = a_model(db, project)
    scored(db, model, factories.solution(db, factories.problem(db, project), STEPS), [0.1, 0.1, 0.1])
    snapshot = snapshots.create_snapshot(db, project.id, {"source": source, "model_id": model.id}, None)
    if fits:
        assert runs.start(db, project.id, snapshot.id, {"objective": objective}, None).state == "queued"
        return
    with pytest.raises(Invalid):
        runs.start(db, project.id, snapshot.id, {"objective": objective}, None)


def test_an_outcome_model_is_started_from_the_page(web: TestClient, db: Session, project: Project) -> None:
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    factories.solution(db, factories.problem(db, project), STEPS)
    home = f"/projects/{project.slug}"
    assert "Outcomes: verdict of the final answer" in web.get(f"{home}/training-runs").text
    begun = web.post(f"{home}/training-runs", data={"objective": "orm", "size": "tiny"})
    assert begun.status_code == 303
    (run,) = db.scalars(select(TrainingRun))
    assert run.config["objective"] == "orm"
    assert "verdicts of the answer grader" in web.get(f"{home}/training-runs/{run.id}").text
    model = a_model(db, project)
    refused = web.post(f"{home}/training-runs", data={"objective": "orm", "label_model_id": model.id})
    assert refused.status_code == 422
