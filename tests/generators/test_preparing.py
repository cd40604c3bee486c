"""Alternatives are there before a solution is queued; the desk asks no model."""

from __future__ import annotations

from collections import Counter

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.errors import Conflict, Invalid
from app.generators import alternative_settings, generators, runs, tasks
from app.generators.models import Generator, SamplingRun
from app.labeling import initial_queue, no_task
from app.labeling.models import Task
from app.modes.branching_state import BranchingLabelingState
from app.modes.labeling_state import AlternativeStep
from app.problems.models import Alternative, Solution
from app.scoring.models import Score
from app.selection import stages
from app.selection.config import RoundConfig
from app.selection.models import Generation, Round
from app.selection.round_children import load_outputs
from app.training.models import Model
from tests.factories import base as factories
from tests.generators.conftest import generator, gone_on, sums


def chosen(number: int) -> tuple[str, str, str]:
    return (f"We add {number} and {number + 1}.", f"{number} + {number + 1} = 0", "So it is \\boxed{0}")


@pytest.fixture
def made(database, home, api):
    """A project with four wrong solutions, whose generator prepares two alternatives for every step."""

    def make(
        mode: str = "first_error", model: str = "steady", positions: str = "every", **config
    ) -> Generator:
        with transaction() as db:
            project = factories.project(db, mode=mode)
            for number, problem in enumerate(sums(db, project, 4), start=1):
                factories.solution(db, problem, chosen(number), verdict="incorrect", final_answer="0")
            asked = generator(db, project, api, model, **config)
            alternative_settings.update_settings(db, project, asked.id, 2, positions, None)
        return asked

    return make


def project_of(db: Session, asked: Generator):
    from app.projects.models import Project

    return db.get_one(Project, asked.project_id)


def tasks_there() -> list[Task]:
    with transaction() as db:
        return list(db.scalars(select(Task).order_by(Task.priority.desc())))


def the_run() -> SamplingRun:
    with transaction() as db:
        return db.scalars(select(SamplingRun).order_by(SamplingRun.id.desc()).limit(1)).one()


def test_the_first_queue_waits_for_its_candidates(made, api):
    asked = made()
    with transaction() as db:
        assert initial_queue.queue_initial_solutions(db, project_of(db, asked), 3) is None
        jobs = "SELECT args FROM procrastinate_jobs WHERE task_name = 'generators.queue_first'"
        assert db.scalars(text(jobs)).all() == [
            {"project_id": asked.project_id, "limit": 3, "splits": ["train"]}
        ]
    tasks.queue_first(asked.project_id, 3)
    assert tasks_there() == []
    run = the_run()
    assert (run.purpose, run.total, run.config["to_end"]) == ("alternatives", 18, False)
    with transaction() as db:
        assert alternative_settings.count_waiting(db, asked.project_id) == 3
    done = gone_on(run.id)
    assert done.state == "succeeded"
    queued = tasks_there()
    assert [task.reason["rank"] for task in queued] == [1, 2, 3]
    assert {task.generation for task in queued} == {0}
    with transaction() as db:
        found = db.scalars(select(Alternative)).all()
        own = {each.id: [step.strip() for step in each.steps] for each in db.scalars(select(Solution))}
    assert {each.source for each in found} == {"steady"}
    assert {tuple(each.prefix) for each in found} == {(), (0,), (0, 0)}
    places = Counter((each.solution_id, each.position) for each in found)
    assert len({key[0] for key in places}) == 3
    assert max(places.values()) <= 2
    assert all(each.text not in own[each.solution_id] for each in found)
    assert {each["max_tokens"] for each in api.seen()} == {256}
    assert all("\n" in each["stop"] for each in api.seen())


def test_where_labelers_walk_on_a_whole_way_stands_behind_each_candidate(made):
    asked = made("alternatives")
    tasks.queue_first(asked.project_id, None)
    assert gone_on(the_run().id).state == "succeeded"
    assert len(tasks_there()) == 4
    solution_id = tasks_there()[0].solution_id
    with transaction() as db:
        found = db.scalars(select(Alternative).where(Alternative.solution_id == solution_id)).all()
    walk = BranchingLabelingState(
        3,
        {},
        [AlternativeStep(a.position, a.candidate, a.text, tuple(a.prefix)) for a in found],
    )
    first = walk.list_candidates([])
    assert first == [0, 1, 2]
    for candidate in first[1:]:  # behind each there is one way to the end
        path = [candidate]
        while here := walk.list_candidates(path):
            assert len(here) == 1
            path += here
        assert len(path) == 3
    assert len(walk.list_candidates([0])) > 1


def test_what_could_not_be_made_is_queued_when_someone_says_so(made):
    asked = made(model="half")
    tasks.queue_first(asked.project_id, None)
    run = gone_on(the_run().id)
    assert run.state == "succeeded"
    assert len(tasks_there()) == 3
    with transaction() as db:
        assert alternative_settings.count_waiting(db, asked.project_id) == 1
        assert alternative_settings.release_solutions(db, run, None) == 1
        assert alternative_settings.count_waiting(db, asked.project_id) == 0
    assert len(tasks_there()) == 4
    with transaction() as db:
        assert alternative_settings.release_solutions(db, run, None) == 0


def test_one_text_again_and_again_is_one_candidate_and_ends(made):
    asked = made(model="same")
    tasks.queue_first(asked.project_id, 1)
    assert gone_on(the_run().id).state == "succeeded"
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Alternative)) == 3
    assert len(tasks_there()) == 1


def test_a_round_queues_what_the_model_doubts_with_candidates_for_that_step(made):
    asked = made(positions="suspect")
    with transaction() as db:
        project = project_of(db, asked)
        model = Model(project_id=project.id, name="m", path="m", weights_hash=b"1", config={}, metrics={})
        db.add(model)
        db.flush()
        solutions = db.scalars(select(Solution).order_by(Solution.id)).all()
        doubts = ([0.1, 0.3, 0.9], [0.1, 0.05, 0.15])
        for solution, negatives in zip(solutions, doubts, strict=False):
            probs = [value for p in negatives for value in (p, 0.0, 1 - p)]
            key = {"model_id": model.id, "solution_id": solution.id, "problem_id": solution.problem_id}
            db.add(Score(**key, log_score=-1.0, step_probs=probs))
        reason = {"strategy": "convincing_wrong", "model_id": model.id, "score": -1.0}
        picks = [[solution.id, reason] for solution in solutions[:2]]
        round_ = Round(project_id=project.id, generation=1, config={}, stage="queue", model_id=model.id)
        round_.picks, round_.funnel = picks, {}
        db.add(round_)
        db.flush()
        assert stages.queue_generation(db, round_, RoundConfig())
        assert db.scalars(select(Generation)).one().funnel["by_strategy"] == {"convincing_wrong": 2}
        assert round_.queued == 2
        run_id = load_outputs(db, round_).sampling_run_id
    assert tasks_there() == []
    gone_on(run_id)
    assert [(task.generation, task.reason) for task in tasks_there()] == [(1, reason)] * 2
    with transaction() as db:
        places = db.execute(select(Alternative.solution_id, Alternative.position).distinct()).all()
    assert {tuple(row) for row in places} == {(solutions[0].id, 1), (solutions[1].id, 2)}


def test_the_desk_offers_them_and_no_model_is_asked(made, api):
    from app.main import create_app

    asked = made()
    tasks.queue_first(asked.project_id, 1)
    with transaction() as db:
        project = project_of(db, asked)
        who = factories.member(db, project)
        assert no_task.explain_no_task(db, project, who).code == "preparing"
    gone_on(the_run().id)
    before = len(api.seen())
    with TestClient(
        create_app(), base_url="http://testserver", headers={"Sec-Fetch-Site": "same-origin"}
    ) as web:
        with transaction() as db:
            factories.sign_in(web, db, who)
        page = f"/projects/{project.slug}"
        sheet = web.post(f"{page}/assignments", headers={"Accept": "application/json"})
        offered = sheet.json()["alternatives"]
        assert {each["position"] for each in offered} == {0, 1, 2}
        assert "steady" not in sheet.text
        assert "steady" not in web.get(f"{page}/desk").text
    assert len(api.seen()) == before


def test_who_may_prepare_what(db: Session, api) -> None:
    project, walked = factories.project(db), factories.project(db, mode="every_step")
    asked, chat = generator(db, project, api), generator(db, project, api, called="chat", endpoint="chat")
    for of, number, alternative_count, positions in (
        (project, asked.id, 0, "every"), (project, asked.id, 3, "some"), (project, chat.id, 3, "every"),
        (walked, generator(db, walked, api).id, 3, "every"),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            alternative_settings.update_settings(db, of, number, alternative_count, positions, None)
    alternative_settings.update_settings(db, project, asked.id, 3, "every", None)
    with pytest.raises(Conflict, match="creates the alternatives"):
        generators.retire_generator(db, asked, None)
    alternative_settings.update_settings(db, project, None, 3, "every", None)
    generators.retire_generator(db, asked, None)
    assert (
        alternative_settings.start_alternatives(
            db, project, [alternative_settings.QueuedPick(1, 0, 0.0, {})], None
        )
        is None
    )
    with pytest.raises(Conflict):
        alternative_settings.update_settings(db, project, asked.id, 3, "every", None)
    trial = SamplingRun(project_id=project.id, generator_id=asked.id, purpose="trial", config={})
    with pytest.raises(Conflict):
        alternative_settings.release_solutions(db, trial, None)
    assert runs.list_runs(db, project.id) == []


def test_preparing_by_page_and_api(db: Session, web: TestClient, home: object, api) -> None:
    project = factories.project(db)
    asked = generator(db, project, api)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    page = f"/projects/{project.slug}"
    form = {"generator": str(asked.id), "alternative_count": "4", "positions": "suspect"}
    assert web.post(f"{page}/alternative-settings", data=form).status_code == 303
    assert "Alternatives before queueing" in web.get(f"{page}/generators").text
    here = f"/api/v1{page}/alternative-settings"
    said = {"generator_id": asked.id, "alternative_count": 4, "positions": "suspect", "waiting": 0}
    assert web.get(here).json() == said
    assert web.put(here, json={"generator_id": asked.id}).json()["alternative_count"] == 3
    for wrong in (
        {"alternative_count": "x"},
        {"x": 1},
        {"generator_id": asked.id, "alternative_count": 99},
        {"positions": 3},
    ):
        assert web.put(here, json=wrong).status_code == 422
    assert web.put(here, json={"generator_id": 10**9}).status_code == 404
    queued = web.post(f"/api/v1{page}/queue", json={"limit": 2}).json()
    assert queued == {"queued": 0, "preparing": True}
    assert web.post(f"{page}/queue").status_code == 303
    assert web.post(f"{page}/alternative-settings", data={}).status_code == 303
    assert web.get(here).json()["generator_id"] is None
    assert web.post(f"/api/v1{page}/queue", json={"limit": 2}).json() == {"queued": 0}
