"""The pages of simulations: what a researcher asks, watches, reads off and downloads."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.simulation import queries, request
from app.simulation.models import Simulation
from app.world.kinds import WORLDS
from tests.factories import base as factories
from tests.factories import simulation
from tests.markup import read_page

ASKED = {
    "world": "lineage",
    "size": "quick",
    "policies": ["random", "lightman_80_20_gated"],
    "seeds": "2",
    "noise": "5",
}


class Page:
    def __init__(self, db: Session, web: TestClient) -> None:
        self.db, self.web = db, web
        self.project = factories.project(db, "Pilot")
        factories.sign_in(web, db, factories.member(db, self.project, "researcher"))
        self.home = f"/projects/{self.project.slug}"
        self.api = f"/api/v1{self.home}/simulations"

    def get(self, path: str, status: int = 200) -> str:
        answer = self.web.get(self.home + path)
        assert answer.status_code == status, answer.text
        return read_page(answer)

    def post(self, path: str, status: int = 303, **data: Any) -> Any:
        answer = self.web.post(self.home + path, data=data)
        assert answer.status_code == status, answer.text
        return answer

    def ask(self, status: int, path: str = "", body: Any = None) -> Any:
        answer = self.web.post(self.api + path, json={} if body is None else body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def page(db: Session, web: TestClient) -> Page:
    return Page(db, web)


def test_with_none_yet_it_says_what_one_tells_and_what_to_do(page: Page) -> None:
    empty = page.get("/simulations")
    assert "Which policy pays?" in empty
    assert "Begin with a quick one" in empty
    assert re.search(r"9 models are trained. About \d+ min", empty)
    assert f'href="{page.home}/simulations"' in page.get("/lab"), "beside the lab's searches"


def test_one_is_started_watched_cancelled_and_resumed(page: Page) -> None:
    page.post("/simulations", **ASKED)
    run = page.db.scalars(select(Simulation)).one()
    assert (run.state, run.form, run.policies, run.seeds) == (
        "queued",
        "fast",
        ["random", "lightman_80_20_gated"],
        [0, 1],
    )
    assert (run.setting["world"], run.setting["noise"], run.setting["reading_steps"]) == (
        "lineage",
        0.05,
        200,
    )
    jobs = page.db.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")).scalars()
    assert "runs.simulation" in jobs
    path = f"/simulations/{run.id}"
    shown = page.get(path)
    assert f'hx-get="{page.home}{path}/progress"' in shown
    assert "a judge who is wrong about 5 % of the steps" in shown
    assert "HX-Refresh" not in page.web.get(page.home + path + "/progress").headers
    page.post(path + "/resumption", 409)
    page.post(path + "/cancellation")
    assert page.web.get(page.home + path + "/progress").headers["HX-Refresh"] == "true"
    assert "The simulation was cancelled" in page.get(path)
    page.post(path + "/cancellation", 409)
    page.post(path + "/resumption")
    assert "Waiting for a worker" in page.get(path)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"world": "atlantis"}, "world must be one of"),
        ({"size": "vast"}, "size is one of"),
        ({"policies": ["luck"]}, "Unknown policy"),
        ({"policies": []}, "Choose at least one policy"),
        ({"seeds": "0"}, "How many seeds"),
        ({"seeds": "many"}, "How many seeds"),
        ({"noise": "101"}, "Labels that are wrong"),
        ({"noise": "nan"}, "Labels that are wrong"),
    ],
)
def test_a_wrong_form_is_shown_again_with_what_is_wrong(page: Page, more: dict[str, Any], said: str) -> None:
    answer = page.post("/simulations", 422, **{**ASKED, **more})
    assert said in answer.text
    assert 'value="2"' in answer.text or "seeds" in more, "as it was sent"
    assert page.db.scalar(select(Simulation)) is None


def test_the_estimate_follows_the_form(page: Page) -> None:
    quick = page.get("/simulations/preview?size=quick&policies=random")
    small = page.get("/simulations/preview?size=small&policies=random&policies=lightman_80_20_fixed&seeds=3")
    assert "3 models" in quick
    assert "36 models" in small
    minutes = [re.search(r"About (\d+ h )?(\d+) min", each) for each in (quick, small)]
    assert minutes[0]
    assert minutes[1]
    assert int(minutes[0][2]) < 10 < int((minutes[1][1] and 60) or minutes[1][2])
    assert "give a number between 1 and 50" in page.get(
        "/simulations/preview?policies=lightman_80_20_fixed&seeds=99"
    )
    assert "Choose at least one policy" in page.get("/simulations/preview?size=quick")


def test_what_it_came_to(page: Page) -> None:
    run = simulation.simulation(
        page.db, page.project, policies=["random", "lightman_80_20", "lightman_80_20_gated"], gain=0.12
    )
    said = page.get(f"/simulations/{run.id}")
    assert "it pays: fewer labels reach the same accuracy" in said.lower()
    assert "passed in 2 of 2" in said
    assert "majority vote" in said
    assert "a perfect judge" in said
    link = re.search(r'href="([^"]*rounds/new\?[^"]*if_failed[^"]*)"', said)
    assert link is not None, "a round like it"
    form = page.web.get(link[1].replace("&amp;", "&")).text
    assert re.search(r'name="convincing_wrong"[^>]* value="80"', form)
    assert re.search(r'<option value="proceed" selected>Queue as requested', form)
    assert "&uncertain_step=100&" in (queries.round_of("uncertain_steps") or "")
    assert queries.round_of("first_error_entropy") is None
    assert "lightman_80_20_gated" in page.get("/simulations")


def test_a_policy_that_harms_is_no_round_to_start(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, policies=["random", "lightman_80_20_fixed"])
    said = page.get(f"/simulations/{run.id}")
    assert "It does harm" in said
    assert "Use this policy in a round" not in said


def test_what_is_worse_than_blind_is_said_so(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, gain=-0.4)
    assert "No model here chooses better than a blind draw" in page.get(f"/simulations/{run.id}")
    less = simulation.simulation(page.db, page.project, gain=-0.2)
    assert "A majority vote, which needs no label" in page.get(f"/simulations/{less.id}")


def test_without_uniform_nothing_is_compared(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, policies=["lightman_80_20_fixed", "hard_problems"])
    assert "Nothing to compare" in page.get(f"/simulations/{run.id}")


def test_while_it_runs_the_points_so_far_are_there(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "running")
    said = page.get(f"/simulations/{run.id}/progress")
    assert "9 of 18 points, seed 0" in said
    assert "1 of 2 seeds" in said
    assert "lightman_80_20_gated: training" in said.lower()


def test_why_it_failed_and_what_to_do(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "failed", error="It ended.\nMemoryError", attempt=3)
    said = page.get(f"/simulations/{run.id}")
    assert "It ended. It was tried 3 times" in said
    assert "<pre>MemoryError</pre>" in said
    assert "Go on with it" in said


def test_a_full_one_whose_command_is_gone_says_how_it_goes_on(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "running", form="full")
    assert "whose process is gone" not in page.get(f"/simulations/{run.id}")
    page.db.execute(text("UPDATE run SET heartbeat_at = now() - interval '5 min'"))
    assert "whose process is gone" in page.get(f"/simulations/{run.id}")
    page.db.execute(text("UPDATE run SET state = 'failed'"))
    page.post(f"/simulations/{run.id}/resumption", 409)


def test_figures_and_points_as_files(page: Page) -> None:
    run = simulation.simulation(page.db, page.project)
    plots = f"/simulations/{run.id}/plots"
    rows = list(csv.reader(io.StringIO(page.get(f"{plots}/labels.csv"))))
    assert rows[0][:2] == ["labeled solutions", "random"]
    assert [row[0] for row in rows[1:]] == ["60", "240", "960"]
    drawn = page.web.get(f"{page.home}{plots}/best-of-n.json").json()
    assert drawn["x"]["values"] == [1, 2, 4, 8, 16]
    assert [each["name"] for each in drawn["series"]][-2:] == ["judge", "oracle"]
    page.get(f"{plots}/nothing.json", 404)
    lines = list(csv.DictReader(io.StringIO(page.get(f"/simulations/{run.id}/points.csv"))))
    assert len(lines) == 2 * 3 * 3 * 2 * 5, "seeds, policies, budgets, test sets, N"
    last = [each for each in lines if each["policy"] == "lightman_80_20_gated" and each["budget"] == "960"][
        -1
    ]
    assert (last["gate"], last["labeled"], last["negative"]) == ("passed", "960", "480")
    whole = page.web.get(f"{page.home}/simulations/{run.id}/points.json").json()
    assert len(whole["points"]) == 2 * 3 * 3 * 2
    assert whole["results"]["plain"]["worth"].keys() == {"lightman_80_20_fixed", "lightman_80_20_gated"}
    page.get(f"/simulations/{run.id}/points.xml", 404)


def test_the_api(page: Page) -> None:
    body = {"size": "quick", "setting": {"world": "ordering"}, "policies": ["random"], "seeds": [3, 5]}
    run = page.ask(201, body=body)
    assert (run["state"], run["seeds"], run["setting"]["world"]) == ("queued", [3, 5], "ordering")
    assert page.ask(201)["policies"] == ["random", "lightman_80_20_fixed", "lightman_80_20"]
    for wrong in (
        {"colour": 1},
        {"seeds": [1, 1]},
        {"seeds": []},
        {"seeds": [True]},
        {"seeds": [2**40]},
        {"policies": "random"},
        {"setting": {"seed": 4}},
        {"setting": {"budgets": ["²"]}},
        {"setting": {"threads": 999}},
        {"setting": {"passes": 0}},
        {"setting": {"reading_steps": 10**400}},
        {"setting": {"budgets": ["9" * 5000]}},
        {"setting": {"pool_problems": 20_000, "pool_samples": 4_096}},
        {"setting": {"world": "lineage", "pool_problems": 20_000}},
        {"size": []},
    ):
        page.ask(422, body=wrong)
    assert [each["id"] for each in page.web.get(page.api).json()["simulations"]][1] == run["id"]
    one = page.web.get(f"{page.api}/{run['id']}").json()
    assert (one["points"], one["results"]) == ([], None)
    assert page.ask(200, f"/{run['id']}/cancellation")["state"] == "cancelled"
    page.ask(409, f"/{run['id']}/cancellation")
    assert page.ask(200, f"/{run['id']}/resumption")["state"] == "queued"


@pytest.mark.parametrize("world", list(WORLDS))
def test_the_small_size_fits_into_every_world(page: Page, world: str) -> None:
    """It asks for no more different problems than there are."""
    run = page.ask(201, body={"size": "small", "setting": {"world": world}})["setting"]
    plain, longer = request.different(world, 5_000), request.different(world, 5_000, shifted=True)
    assert 2 < run["shifted_problems"] <= longer
    assert run["validation_problems"] < run["pool_problems"] < plain - run["test_problems"]
    if longer < 5_000:
        told = {"world": world, "shifted_problems": longer + 1}
        assert "different problems" in page.ask(422, body={"setting": told})["message"]


def test_of_another_project_there_is_none(page: Page) -> None:
    run = simulation.simulation(page.db, factories.project(page.db, "Other"))
    page.get(f"/simulations/{run.id}", 404)
    page.get(f"/simulations/{run.id}/points.csv", 404)
    page.get(f"/simulations/{10**30}", 404)
    assert page.web.get(f"{page.api}/{run.id}").status_code == 404


def test_labelers_have_no_simulations(page: Page) -> None:
    factories.sign_in(page.web, page.db, factories.member(page.db, page.project, "labeler"))
    page.get("/simulations", 403)
