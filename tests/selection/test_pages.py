"""The board, a generation, a round and its form, as a researcher sees them."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.labeling.models import ControlResult, Task
from app.selection.config import RoundConfig
from app.selection.models import Generation, Round
from app.selection.strategies import STRATEGIES
from tests.factories import base as factories
from tests.factories import selection as loop
from tests.markup import read_page

METRICS = {"negative_auc": 0.55, "accuracy": 0.75, "always_positive": 0.8, "steps": 40}


@pytest.fixture
def project(db, web):
    project = factories.project(db, "Board test")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    return project


@pytest.fixture
def labeled(db, project):
    """Generation 0 with one labeled and one waiting task, generation 1 chosen by a model."""
    who = factories.member(db, project)
    problem = factories.problem(db, project, "Who has $3$ < apples & pears?")
    first, second, third = (
        factories.solution(
            db, problem, (f"Step {n}.", "# Answer\n\n5"), verdict="incorrect", final_answer="5"
        )
        for n in range(3)
    )
    loop.labeled(db, factories.task(db, first), who, [1, -1])
    factories.task(db, second)
    model = loop.model(db, project, "prm-one", metrics={"best": METRICS})
    loop.score(db, model, third, 0.9)
    reason = {"strategy": "convincing_wrong", "score": 0.9, "rank": 1, "model_id": model.id}
    factories.task(db, third, generation=1, priority=1.0, reason=reason)
    policy = RoundConfig().as_json()["policy"]
    funnel = {
        "sampled": 3,
        "graded": 3,
        "scored": 1,
        "eligible": 1,
        "selected": 1,
        "by_strategy": {"convincing_wrong": 1},
    }
    db.add(Generation(project_id=project.id, number=1, model_id=model.id, policy=policy, funnel=funnel))
    db.flush()
    return model


def page(web, path):
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    return read_page(answer)


def test_the_former_address_leads_to_the_dashboard(web, project):
    answer = web.get("/projects/board-test/board", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/board-test/dashboard")


def test_an_empty_board_says_what_to_do_first(web, project):
    text = page(web, "/projects/board-test/dashboard")

    assert "Import problems and solutions" in text
    assert 'href="/projects/board-test/imports"' in text


def test_a_pool_without_a_queue_asks_for_one(db, web, project):
    factories.solution(db, factories.problem(db, project))

    text = page(web, "/projects/board-test/dashboard")

    assert 'action="/projects/board-test/queue"' in text


def test_before_the_first_model_the_board_shows_the_first_queue(db, web, project):
    factories.task(db, factories.solution(db, factories.problem(db, project)))

    text = page(web, "/projects/board-test/dashboard")

    assert "Generation 0" in text
    assert "1 solution queued for first labels" in text


@pytest.mark.parametrize(("wrong", "warned"), [(4, False), (5, True)])
def test_it_warns_where_gold_shows_that_labels_are_noisy(db, web, project, wrong, warned):
    """Of a hundred steps."""
    solution = factories.solution(db, factories.problem(db, project), ("one", "two"))
    for kind, steps, right in (("gold", 100, 100 - wrong), ("screening", 100, 0)):
        task = factories.task(db, solution, kind=kind)
        held = loop.labeled(db, task, factories.member(db, project), [1, 1])
        db.add(ControlResult(assignment_id=held.id, correct=False, steps=steps, correct_steps=right))
    factories.task(db, solution)

    text = page(web, "/projects/board-test/dashboard")

    assert (f"Labelers disagree with {wrong}% of gold steps" in text) == warned


def test_the_board_shows_generations_with_their_labels_and_model(web, labeled):
    text = page(web, "/projects/board-test/dashboard")

    assert "prm-one" in text
    assert "AUC 0.55" in text
    assert "close to chance" in text
    assert "accuracy 75% (80% by rating all positive), 40 steps" in text
    assert "1 solution left to label in generation 1" in text
    rows = re.findall(r"<tr>.*?</tr>", text, re.S)
    assert len(rows) == 3


def test_a_generation_tells_why_each_task_is_there(web, labeled):
    text = page(web, "/projects/board-test/generations/1")

    assert "Convincing wrong answers, rank 1, score" in text
    assert "0.900" in text
    assert "Who has $3$ &lt; apples &amp; pears?" in text
    assert '<i class="heat-9" title="step 1: 0.95">' in text
    assert page(web, "/projects/board-test/generations/0").count('class="card"') >= 2


def test_a_queue_can_be_narrowed(web, labeled):
    labeled_only = page(web, "/projects/board-test/generations/0?state=labeled")
    none = page(web, "/projects/board-test/generations/0?strategy=convincing_wrong")

    assert labeled_only.count('<p class="statement">') == 1
    assert none.count('<p class="statement">') == 0


def test_a_generation_that_is_not_there(web, project):
    assert web.get("/projects/board-test/generations/9").status_code == 404


def test_the_form_previews_what_a_round_would_queue(db, web, labeled):
    task = db.scalars(select(Task).where(Task.generation == 1)).one()
    db.delete(task)
    db.flush()

    text = page(web, "/projects/board-test/rounds/new?size=5&per_problem=1")
    part = page(web, "/projects/board-test/rounds/preview?size=5&per_problem=1")

    assert "1 × Convincing wrong answers<" in text
    assert "1 solutions of 1 problems" in text
    assert 'id="preview"' in part
    assert "<html" not in part


def test_a_button_fills_in_a_mixture_and_keeps_the_rest(db, web, labeled):
    db.delete(db.scalars(select(Task).where(Task.generation == 1)).one())
    db.flush()

    text = page(web, "/projects/board-test/rounds/new?size=7&convincing_wrong=80&mixture=uncertain_steps")

    shown = dict(re.findall(r'<input id="(\w+)"[^>]* value="(\w+)"', text))
    shares = {name: shown[name] for name in STRATEGIES}
    assert shares == {**dict.fromkeys(STRATEGIES, "0"), "uncertain_step": "100"}
    assert shown["size"] == "7"
    assert "1 × Most uncertain steps<" in text
    assert "Most uncertain steps, rank 1, step 1, score" in text
    assert all(strategy.description in text for strategy in STRATEGIES.values())


def test_a_wrong_form_is_shown_again_and_starts_nothing(db, web, labeled):
    sent = {"size": "many", "convincing_wrong": "80"}

    answer = web.post("/projects/board-test/rounds", data=sent)

    assert answer.status_code == 422
    assert "Queue size must be a whole number." in answer.text
    assert 'value="many"' in answer.text
    assert db.scalar(select(Round)) is None


@pytest.mark.parametrize(
    "sent",
    [
        {"train": "{"},
        {"train": "[]"},
        {"convincing_wrong": "0", "most_convincing": "0"},
        {"convincing_wrong": "nan"},
        {"size": "0"},
        {"model_id": "999999"},
    ],
)
def test_forms_that_are_refused(db, web, labeled, sent):
    answer = web.post("/projects/board-test/rounds", data=sent)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert db.scalar(select(Round)) is None


def test_a_labeler_sees_no_board(db, web, project):
    factories.sign_in(web, db, factories.member(db, project, "labeler"))

    for path in ("dashboard", "generations/0", "rounds/new", "rounds/1"):
        assert web.get(f"/projects/board-test/{path}").status_code == 403
    assert web.post("/projects/board-test/rounds").status_code == 403


def test_a_round_of_another_project_is_not_there(db, web, project):
    other = factories.project(db, "Other")
    other_round = Round(project_id=other.id, generation=1, config=RoundConfig().as_json())
    db.add(other_round)
    db.flush()

    for path in (f"rounds/{other_round.id}", f"rounds/{other_round.id}/progress"):
        assert web.get(f"/projects/board-test/{path}").status_code == 404
    assert web.post(f"/projects/board-test/rounds/{other_round.id}/cancellation").status_code == 404
    assert web.get(f"/api/v1/projects/board-test/rounds/{other_round.id}").status_code == 404
