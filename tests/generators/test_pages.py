"""Generators by their pages, their API and their commands."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Forbidden, Invalid
from app.generators import runs, url_policy
from app.generators.config import parse
from app.generators.models import Generator, Rollout, SamplingRun
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.training import snapshots
from app.training.models import TrainingRun
from tests.factories import base as factories
from tests.generators.conftest import Server, generator, gone_on, sums
from tests.markup import collapse

FORM = {"name": "asked", "kind": "openai", "model": "m", "base_url": "http://model.example/v1"}


@pytest.fixture
def project(db: Session, web: TestClient, home: object) -> Project:
    """One with four problems; its admin is signed in."""
    made = factories.project(db, "Sums")
    sums(db, made)
    factories.sign_in(web, db, factories.member(db, made, "admin"))
    return made


def test_a_site_admin_makes_one_and_it_shows_no_key(
    db: Session, web: TestClient, project: Project, monkeypatch
) -> None:
    monkeypatch.setenv("STEPMARK_KEY_ONE", "sk-secret")
    here = f"/projects/{project.slug}/generators"
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    answer = web.post(
        here,
        data={**FORM, "api_key_env": "STEPMARK_KEY_ONE", "step_delimiter": "\\n\\n", "temperature": "0.3"},
    )
    assert answer.status_code == 303
    made = db.scalars(select(Generator)).one()
    assert made.config["temperature"] == 0.3
    assert made.config["step_delimiter"] == "\n\n"
    page = web.get(answer.headers["location"]).text
    assert "STEPMARK_KEY_ONE" in page
    assert "sk-secret" not in page
    said = web.get(f"/api/v1/projects/{project.slug}/generators").json()["generators"]
    assert [each["name"] for each in said] == ["asked"]
    assert "sk-secret" not in str(said)
    again = web.post(here, data=FORM)
    assert again.status_code == 409
    assert "already exists" in again.text
    assert 'value="http://model.example/v1"' in again.text  # what was typed is still there


def test_who_is_no_site_admin_calls_only_hosts_on_the_list(
    web: TestClient, project: Project, monkeypatch
) -> None:
    here = f"/projects/{project.slug}/generators"
    refused = web.post(here, data=FORM)
    assert refused.status_code == 403
    assert "The host model.example is not allowed" in refused.text
    monkeypatch.setenv("STEPMARK_GENERATOR_HOSTS", "other.example:1, model.example")
    url_policy.settings.cache_clear()
    assert web.post(here, data=FORM).status_code == 303


@pytest.mark.parametrize(
    "url",
    ["ftp://x/v1", "x", "http://", "http://u:p@x/v1", "http://x/v1?a=b", "http://[::", "http://a b/", "http://x:99999/",
     "http://169.254.169.254/latest", "http://[fe80::1]/v1", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0:80/",
     "http://2852039166/", "http://0xa9fea9fe/v1", "http://169.254.43518/", "http://0251.0376.0251.0376/",
     "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/", "http://[::169.254.169.254]/",
     "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://168.63.129.16/"],
)  # fmt: skip
def test_addresses_that_are_none_or_never_called(url: str) -> None:
    with pytest.raises((Invalid, Forbidden)):
        url_policy.validate_url(url, site_admin=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001/v1", "http://[::1]:8001/v1", "http://10.0.0.7/v1", "http://3.14/"]
)
def test_private_addresses_are_for_site_admins(url: str) -> None:
    assert url_policy.validate_url(url, site_admin=True) == url.rstrip("/")


def test_only_keys_made_for_generators_can_be_named() -> None:
    assert url_policy.validate_key_env("STEPMARK_KEY_A1") == "STEPMARK_KEY_A1"
    assert url_policy.validate_key_env(" ") is None
    for name in ("DATABASE_URL", "STEPMARK_KEY_", "STEPMARK_KEY_a", "sk-123"):
        with pytest.raises(Invalid):
            url_policy.validate_key_env(name)


@pytest.mark.parametrize(
    "config",
    [{"temperature": "hot"}, {"temperature": float("nan")}, {"max_tokens": 1.5}, {"prompt": "none"}, {"x": 1},
     {"steps": "page"}, {"endpoint": "x"}, {"stop": ["a", "b", "c", "d"]}, {"prefill": 1},
     {"step_delimiter": ""},
     {"system": "\0"}, {"price_in": -1}, []],
)  # fmt: skip
def test_a_config_that_is_wrong_is_told(config: object) -> None:
    with pytest.raises(Invalid):
        parse(config)


def test_the_preview_says_what_is_missing_and_the_form_starts_it(
    db: Session, web: TestClient, project: Project, api: Server
) -> None:
    made = generator(db, project, api)
    there = f"/projects/{project.slug}/generators/{made.id}"
    assert ">20<" in collapse(web.get(f"{there}/preview", params={"per_problem": 5}).text)
    assert "cannot be combined" in web.get(f"{there}/preview", params={"split": "train+test"}).text
    assert "must be an integer" in web.get(there, params={"per_problem": "many"}).text
    answer = web.post(f"{there}/sampling-runs", data={"per_problem": "5", "split": "train"})
    assert answer.status_code == 303
    run = db.scalars(select(SamplingRun)).one()
    assert (run.total, run.state, run.config["splits"]) == (20, "queued", ["train"])
    where = answer.headers["location"]
    assert re.search(r"<h2>\s*Queued\s*</h2>", web.get(where).text)
    assert "HX-Refresh" not in web.get(f"{where}/progress").headers
    assert web.post(f"{where}/cancellation").status_code == 303
    assert web.get(f"{where}/progress").headers["HX-Refresh"] == "true"
    assert web.post(f"{where}/resumption").status_code == 303
    assert web.post(f"{there}/trials").status_code == 303
    assert web.post(f"{there}/retirement").status_code == 303
    assert web.post(f"{there}/trials").status_code == 409
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'runs.sampling' AND lock = :lock"
    assert db.scalar(text(jobs), {"lock": f"generator-{made.id}"}) == 2


def test_the_api_from_making_one_to_what_it_made(db: Session, web: TestClient, project: Project) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    here = f"/api/v1/projects/{project.slug}"
    body = {
        "name": "by api",
        "model": "steady",
        "base_url": "http://model.example/v1",
        "config": {"price_out": 2},
    }
    made = web.post(f"{here}/generators", json=body).json()
    assert made["config"]["price_out"] == 2
    assert web.post(f"{here}/generators", json={"name": "x", "key": "sk-1"}).status_code == 422
    assert web.post(f"{here}/generators", json={"name": 3}).status_code == 422
    mine = f"{here}/generators/{made['id']}"
    assert web.post(f"{mine}/preview", json={"per_problem": 2}).json()["missing"] == 8
    run = web.post(f"{mine}/sampling-runs", json={"per_problem": 2}).json()
    assert (run["total"], run["price"]) == (8, 0)
    seen = web.get(f"{here}/sampling-runs/{run['id']}").json()
    assert seen["items"] == {"total": 4, "succeeded": 0, "failed": 0}
    assert web.post(f"{here}/sampling-runs/{run['id']}/cancellation").json()["state"] == "cancelled"
    assert web.post(f"{here}/sampling-runs/{run['id']}/resumption").json()["state"] == "queued"
    assert len(web.get(f"{here}/sampling-runs").json()["sampling_runs"]) == 1
    assert web.get(f"{here}/sampling-runs?cursor={run['id']}").json() == {
        "sampling_runs": [],
        "next_cursor": None,
    }
    former = web.post(f"{mine}/rollouts/preview", json={"how": "search", "most": 3})
    assert former.status_code == 200, former.text
    assert web.post(f"{mine}/retirement").json()["retired_at"]


def test_a_labeler_sees_none_of_it(db: Session, web: TestClient, project: Project, api: Server) -> None:
    made = generator(db, project, api)
    factories.sign_in(web, db, factories.member(db, project, "labeler"))
    for path in ("generators", f"generators/{made.id}"):
        assert web.get(f"/projects/{project.slug}/{path}").status_code == 403
        assert web.get(f"/api/v1/projects/{project.slug}/{path}").status_code == 403


def test_from_the_command_line(database: str, home: object, api: Server) -> None:
    """The run happens there and then, in a process of its own."""
    with transaction() as db:
        sums(db, factories.project(db, "Sums"))
    runner = CliRunner()
    command = [
        "generator",
        "create",
        "--project",
        "sums",
        "--name",
        "one",
        "--model",
        "steady",
        "--base-url",
        api.url,
    ]
    made = runner.invoke(cli, command, catch_exceptions=False)
    assert (made.exit_code, made.stdout) == (0, "Generator one created.\n")
    command = ["sample", "--project", "Sums", "--generator", "one", "--per-problem", "3", "--no-grade"]
    done = runner.invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("12 stored, 0 duplicates, 4 requests")
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Solution)) == 12
    listed = runner.invoke(cli, ["generator", "list", "--project", "sums"], catch_exceptions=False)
    assert listed.stdout == "one: openai, steady, 12 solutions\n"


def test_the_page_of_a_run_shows_errors_and_hostile_text_as_text(
    database: str, home: object, api: Server, monkeypatch
) -> None:
    from app.main import create_app

    with transaction() as db:
        project = factories.project(db, "Sums")
        sums(db, project, 2)
        who = factories.member(db, project, "researcher")
        tried = runs.start(
            db, generator(db, project, api, "hostile", price_in=1000, price_out=1000), "trial", {}, None
        )
        empty = runs.start(db, generator(db, project, api, "empty"), "pool", {"per_problem": 1}, None)
    gone_on(tried.id)
    gone_on(empty.id)
    with TestClient(create_app(), base_url="http://testserver") as web:
        with transaction() as db:
            factories.sign_in(web, db, who)
        page = web.get(f"/projects/sums/sampling-runs/{tried.id}").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page
        assert '<dd class="figure">0.0300</dd>' in collapse(page)
        assert "The text is empty." in web.get(f"/projects/sums/sampling-runs/{empty.id}").text


def test_rollouts_by_page_and_api_with_their_cost_beforehand(
    db: Session, web: TestClient, project: Project, api: Server
) -> None:
    made = generator(db, project, api)
    for problem in db.scalars(select(Problem).where(Problem.project_id == project.id)):
        factories.solution(db, problem, ("a", "b", "c", "d", "e"), verdict="incorrect")
    there = f"/projects/{project.slug}/generators/{made.id}/rollouts"
    assert ">128<" in collapse(web.get(there).text)  # 8 from behind four of five steps, four solutions
    assert ">96<" in collapse(
        web.get(f"{there}/preview", params={"strategy": "binary_search"}).text
    )  # 8 x 3, at most
    assert "must be an integer" in web.get(f"{there}/preview", params={"rollouts": "x"}).text
    started = web.post(
        there, data={"rollouts": "2", "strategy": "all", "split": "train", "max_solutions": "3"}
    )
    assert started.status_code == 303
    run = db.scalars(select(SamplingRun)).one()
    assert (run.purpose, run.total) == ("rollouts", 24)
    assert "Rollouts" in web.get(started.headers["location"]).text
    here = f"/api/v1/projects/{project.slug}/generators/{made.id}/rollouts"
    assert web.post(f"{here}/preview", json={"rollouts": 3}).json()["missing"] == 48
    assert web.post(here, json={"rollouts": 3}).json()["total"] == 48
    assert web.post(here, json={"splits": ["test"]}).status_code == 422


def test_the_form_of_training_offers_rollouts_where_there_are_some(
    db: Session, web: TestClient, project: Project, api: Server
) -> None:
    made = generator(db, project, api)
    there = f"/projects/{project.slug}/training-runs"
    assert 'name="generator_id"' not in web.get(there).text
    for problem in db.scalars(select(Problem).where(Problem.project_id == project.id)):
        solution = factories.solution(db, problem, ("a", "b"), verdict="incorrect")
        db.add(
            Rollout(
                generator_id=made.id, solution_id=solution.id, position=0, rollout_count=4, correct_count=1
            )
        )
    db.flush()
    assert f'<option value="{made.id}">steady</option>' in web.get(there).text
    form = {"size": "tiny", "epochs": "1", "objective": "soft", "generator_id": str(made.id)}
    assert web.post(there, data=form).status_code == 303
    run = db.scalars(select(TrainingRun)).one()
    snapshot = snapshots.create_snapshot(db, project.id, run.data or {}, None)  # as the run's process will
    assert (snapshot.definition["source"], snapshot.definition["soft"]) == ("rollouts", True)
    page = web.get(f"/projects/{project.slug}/snapshots/{snapshot.id}").text
    assert "soft label is its success rate" in page
    assert web.post(there, data={**form, "label_model_id": "1"}).status_code == 422
    assert web.post(there, data={**form, "objective": "orm"}).status_code == 422


def test_the_page_of_a_solution_says_what_its_rollouts_came_to(
    db: Session, web: TestClient, project: Project, api: Server
) -> None:
    made = generator(db, project, api)
    solution = factories.solution(db, factories.problem(db, project), ("a", "b"))
    page = f"/projects/{project.slug}/solutions/{solution.id}"
    assert "Rollouts by" not in web.get(page).text
    db.add(
        Rollout(generator_id=made.id, solution_id=solution.id, position=0, rollout_count=8, correct_count=3)
    )
    db.flush()
    assert "Rollouts by steady: 3 of 8 correct" in web.get(page).text
