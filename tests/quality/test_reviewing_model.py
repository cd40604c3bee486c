"""A model's word against a label counts only where it was seen to tell wrong steps from right."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.evaluation.models import Evaluation, EvaluationSet
from app.labeling import claims
from app.problems.models import Solution
from app.projects.models import Project
from app.quality import adjudication, adjudication_queue, reviewing_model
from app.quality.models import Adjudication
from tests.factories import base as factories
from tests.factories.quality import GOOD_METRICS, NOW, label_solution, scored_model, solution
from tests.markup import collapse

REST = {"steps": 1204, "accuracy": 0.8, "always_positive": 0.7, "loss": 0.5}
CHANCE = {"best": {"negative_auc": 0.53, **REST}}


def curve(low: float, high: float, blind: float = 0.5) -> dict[str, Any]:
    return {"pass_at_1": blind, "curves": {"best_of": {"low": [blind, low], "high": [blind, high]}}}


@pytest.mark.parametrize(
    ("metrics", "best_of_n", "counts", "reason"),
    [
        (GOOD_METRICS, None, True, "error AUC 0.83 on 1,204 held-out steps"),
        (CHANCE, None, False, "below the required 0.60 (chance is 0.50)"),
        (CHANCE, curve(0.7, 0.9), False, "below the required 0.60"),
        (GOOD_METRICS, curve(0.3, 0.45), False, "worse than a random pick"),
        (GOOD_METRICS, curve(0.45, 0.6), True, "AUC 0.83"),
        (
            {"best": {"negative_auc": 0.99, "steps": 99}},
            None,
            False,
            "neither 100 held-out steps nor an evaluation",
        ),
        ({"best": {"negative_auc": None, "steps": 500}}, curve(0.6, 0.9), True, "better than a random pick"),
        ({}, curve(0.45, 0.9), False, "not significantly better"),
        ({}, None, False, "neither 100 held-out steps nor an evaluation"),
        ({"best": None}, None, False, "neither 100 held-out steps nor an evaluation"),
    ],
)
def test_who_counts(metrics: Any, best_of_n: Any, counts: bool, reason: str) -> None:
    qualified, why = reviewing_model.is_qualified(metrics, best_of_n)
    assert qualified is counts
    assert reason in why


def project_solutions(db: Session, project: Project) -> Any:
    return db.scalars(select(Solution).where(Solution.project_id == project.id))


@pytest.fixture
def labeled(db: Session) -> Project:
    """Of two solutions, one is called right and one wrong at its first step."""
    project = factories.project(db)
    who = factories.member(db, project)
    for first_error in (-1, 0):
        factories.task(db, solution(db, project))
        label_solution(db, project, claims.claim_assignment(db, project, who, NOW), first_error)
    return project


def waits(db: Session, project: Project) -> list[list[int]]:
    """Of the solutions that wait for their model's sake, the place among all."""
    ids = sorted(scored.id for scored in project_solutions(db, project))
    assert adjudication_queue.refresh_changed(db, project.id)
    return [
        ids.index(row.solution_id)
        for row in adjudication.list_candidates(db, project.id, "model_disagreement")
    ]


def test_a_model_near_chance_fills_no_queue(db: Session, labeled: Project) -> None:
    scored_model(db, labeled, "vague", CHANCE, [0.05, 0.05, 0.95])
    assert waits(db, labeled) == []
    assert adjudication.list_candidates(db, labeled.id) == []


def test_a_model_that_tells_them_apart_does_by_both_kinds_of_contradiction(
    db: Session, labeled: Project
) -> None:
    scored_model(db, labeled, "sharp", GOOD_METRICS, [0.05, 0.5, 0.95])
    assert waits(db, labeled) == [0, 1], "a bad step called right, and a right one called bad"
    scored_model(db, labeled, "sharp too", GOOD_METRICS, [0.5, 0.5, 0.89])
    assert waits(db, labeled) == [], "not sure enough; and the newest that counts is asked"
    scored_model(db, labeled, "vague", CHANCE, [0.05, 0.5, 0.95])
    assert waits(db, labeled) == [], "a newer one near chance is passed over"


def test_an_evaluation_that_finds_it_worse_than_blind_takes_its_word_away(
    db: Session, labeled: Project
) -> None:
    reviewer = scored_model(db, labeled, "sharp", GOOD_METRICS, [0.05, 0.5, 0.95])
    frozen = EvaluationSet(
        project_id=labeled.id, name="Validation", state="succeeded", hash=b"0", definition={}
    )
    db.add(frozen)
    db.flush()
    for state, results in (("failed", None), ("succeeded", {"best_of_n": curve(0.3, 0.4)})):
        assert waits(db, labeled) == [0, 1]
        db.add(
            Evaluation(
                project_id=labeled.id, evaluation_set_id=frozen.id, model_id=reviewer.id, config={},
                state=state, results=results,
            )
        )  # fmt: skip
        db.flush()
    assert waits(db, labeled) == []
    assert "worse than a random pick" in reviewing_model.find_reviewing_model(db, labeled.id).why


def test_the_pages_say_whose_word_counts(db: Session, web: TestClient, labeled: Project) -> None:
    factories.sign_in(web, db, factories.member(db, labeled, "admin"))
    base = f"/projects/{labeled.slug}/quality"
    assert "A model qualifies once it detects errors" in web.get(f"{base}/adjudications").text
    scored_model(db, labeled, "vague", CHANCE, [0.05, 0.05, 0.95])
    page = web.get(f"{base}/adjudications").text
    assert "No model is qualified to review labels yet. vague, the newest, is not: error AUC 0.53" in page
    assert "Adjudication queue is empty" in page
    sharp = scored_model(db, labeled, "sharp", GOOD_METRICS, [0.05, 0.5, 0.95])
    page = collapse(web.get(f"{base}/adjudications?reason=model_disagreement").text)
    assert f'href="/projects/{labeled.slug}/models/{sharp.id}"' in page
    assert web.get(f"/projects/{labeled.slug}/models/{sharp.id}").status_code == 200
    assert ">sharp</a> flags labels it is over 90% sure are wrong. Qualified: error AUC 0.83" in page
    assert page.count("Model disagrees</span>") == 2
    first = adjudication.list_candidates(db, labeled.id, "model")[0].solution_id
    sent = {"step-0": "1", "step-1": "1", "step-2": "-1", "reason": "It does not follow."}
    assert web.post(f"{base}/solutions/{first}/adjudication", data=sent).status_code == 303
    assert db.scalar(select(Adjudication)).queue_reasons["model_disagreement"] is True
    assert "0.95" in web.get(f"{base}/solutions/{first}").text
