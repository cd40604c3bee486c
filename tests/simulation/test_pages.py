"""The pages and the API of simulations."""

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

FORM = {
    "world": "lineage",
    "size": "quick",
    "policies": ["random", "lightman_80_20_gated"],
    "seeds": "2",
    "label_noise": "5",
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


def test_an_empty_list_explains_simulations(page: Page) -> None:
    empty = page.get("/simulations")
    assert "Compare selection policies" in empty
    assert "Start with a quick simulation" in empty
    assert re.search(r"Trains 9 models. Takes about \d+ min", empty)
    assert f'href="{page.home}/simulations"' in page.get("/lab"), "a link in the menu"


def test_a_simulation_starts_shows_progress_is_cancelled_and_resumed(page: Page) -> None:
    page.post("/simulations", **FORM)
    run = page.db.scalars(select(Simulation)).one()
    assert (run.state, run.runner, run.policies, run.seeds) == (
        "queued",
        "in_process",
        ["random", "lightman_80_20_gated"],
        [0, 1],
    )
    assert (run.config["world"], run.config["label_noise"], run.config["writer_train_steps"]) == (
        "lineage",
        0.05,
        200,
    )
    jobs = page.db.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")).scalars()
    assert "runs.simulation" in jobs
    path = f"/simulations/{run.id}"
    content = page.get(path)
    assert f'hx-get="{page.home}{path}/progress"' in content
    assert "5% label noise" in content
    assert "HX-Refresh" not in page.web.get(page.home + path + "/progress").headers
    page.post(path + "/resumption", 409)
    page.post(path + "/cancellation")
    assert page.web.get(page.home + path + "/progress").headers["HX-Refresh"] == "true"
    assert "Simulation cancelled" in page.get(path)
    page.post(path + "/cancellation", 409)
    page.post(path + "/resumption")
    assert "Waiting for a worker" in page.get(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"world": "atlantis"}, "world must be one of"),
        ({"size": "vast"}, "size must be one of"),
        ({"policies": ["luck"]}, "Unknown policy"),
        ({"policies": []}, "Choose at least one policy"),
        ({"seeds": "0"}, "Seeds: enter a number"),
        ({"seeds": "many"}, "Seeds: enter a number"),
        ({"label_noise": "101"}, "Label noise: enter a number"),
        ({"label_noise": "nan"}, "Label noise: enter a number"),
    ],
)
def test_an_invalid_form_is_shown_again_with_its_error(
    page: Page, changes: dict[str, Any], message: str
) -> None:
    answer = page.post("/simulations", 422, **{**FORM, **changes})
    assert message in answer.text
    assert 'value="2"' in answer.text or "seeds" in changes, "as it was sent"
    assert page.db.scalar(select(Simulation)) is None


def test_the_estimate_follows_the_form(page: Page) -> None:
    quick = page.get("/simulations/preview?size=quick&policies=random")
    small = page.get("/simulations/preview?size=small&policies=random&policies=lightman_80_20_fixed&seeds=3")
    assert "Trains 3 models" in quick
    assert "Trains 36 models" in small
    minutes = [re.search(r"about (\d+ h )?(\d+) min", text) for text in (quick, small)]
    assert minutes[0]
    assert minutes[1]
    assert int(minutes[0][2]) < 10 < int((minutes[1][1] and 60) or minutes[1][2])
    assert "enter a number from 1 to 50" in page.get(
        "/simulations/preview?policies=lightman_80_20_fixed&seeds=99"
    )
    assert "Choose at least one policy" in page.get("/simulations/preview?size=quick")


def test_results_are_explained(page: Page) -> None:
    run = simulation.simulation(
        page.db, page.project, policies=["random", "lightman_80_20", "lightman_80_20_gated"], gain=0.12
    )
    content = page.get(f"/simulations/{run.id}")
    assert "fewer labels needed than with random selection" in content.lower()
    assert "passed in 2 of 2" in content
    assert "majority vote" in content
    assert "perfect labels" in content
    link = re.search(r'href="([^"]*rounds/new\?[^"]*if_failed[^"]*)"', content)
    assert link is not None, "a round with this policy"
    form = page.web.get(link[1].replace("&amp;", "&")).text
    assert re.search(r'name="convincing_wrong"[^>]* value="80"', form)
    assert re.search(r'<option value="proceed" selected>Queue as requested', form)
    assert "&uncertain_step=100&" in (queries.round_query("uncertain_steps") or "")
    assert queries.round_query("first_error_entropy") is None
    assert "lightman_80_20_gated" in page.get("/simulations")


def test_a_policy_that_harms_has_no_link_to_a_round(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, policies=["random", "lightman_80_20_fixed"])
    content = page.get(f"/simulations/{run.id}")
    assert "More labels needed than with random selection" in content
    assert "Use this policy in a round" not in content


def test_models_worse_than_baselines_are_reported(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, gain=-0.4)
    assert "No model selects better than a random pick" in page.get(f"/simulations/{run.id}")
    better = simulation.simulation(page.db, page.project, gain=-0.2)
    assert "A majority vote, which needs no labels" in page.get(f"/simulations/{better.id}")


def test_without_random_nothing_is_compared(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, policies=["lightman_80_20_fixed", "hard_problems"])
    assert "Nothing to compare" in page.get(f"/simulations/{run.id}")


def test_a_running_simulation_shows_its_measurements(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "running")
    content = page.get(f"/simulations/{run.id}/progress")
    assert "9 of 18 measurements, seed 0" in content
    assert "1 of 2 seeds" in content
    assert "lightman_80_20_gated: training" in content.lower()


def test_a_failure_shows_its_reason_and_remedy(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "failed", error="It ended.\nMemoryError", attempt=3)
    content = page.get(f"/simulations/{run.id}")
    assert "It ended. Failed after 3 attempts" in content
    assert "<pre>MemoryError</pre>" in content
    assert "Resume</button>" in content


def test_an_end_to_end_simulation_of_an_earlier_version_is_shown_and_not_resumed(page: Page) -> None:
    run = simulation.simulation(page.db, page.project, "failed", runner="end_to_end")
    content = page.get(f"/simulations/{run.id}")
    assert "End-to-end" in content
    assert "Resume</button>" not in content
    page.post(f"/simulations/{run.id}/resumption", 409)


def test_plots_and_measurements_can_be_downloaded(page: Page) -> None:
    run = simulation.simulation(page.db, page.project)
    plots = f"/simulations/{run.id}/plots"
    rows = list(csv.reader(io.StringIO(page.get(f"{plots}/labels.csv"))))
    assert rows[0][:2] == ["labeled solutions", "random"]
    assert [row[0] for row in rows[1:]] == ["60", "240", "960"]
    plot = page.web.get(f"{page.home}{plots}/best-of-n.json").json()
    assert plot["x"]["values"] == [1, 2, 4, 8, 16]
    assert [series["name"] for series in plot["series"]][-2:] == ["judge", "oracle"]
    page.get(f"{plots}/nothing.json", 404)
    lines = list(csv.DictReader(io.StringIO(page.get(f"/simulations/{run.id}/measurements.csv"))))
    assert len(lines) == 2 * 3 * 3 * 2 * 5, "seeds, policies, budgets, test sets, N"
    gated = [row for row in lines if row["policy"] == "lightman_80_20_gated" and row["budget"] == "960"]
    last = gated[-1]
    assert (last["gate"], last["labeled"], last["negative"]) == ("passed", "960", "480")
    content = page.web.get(f"{page.home}/simulations/{run.id}/measurements.json").json()
    assert len(content["measurements"]) == 2 * 3 * 3 * 2
    assert content["results"]["plain"]["label_efficiency"].keys() == {
        "lightman_80_20_fixed",
        "lightman_80_20_gated",
    }
    page.get(f"/simulations/{run.id}/measurements.xml", 404)


def test_the_api(page: Page) -> None:
    body = {"size": "quick", "config": {"world": "ordering"}, "policies": ["random"], "seeds": [3, 5]}
    run = page.ask(201, body=body)
    assert (run["state"], run["seeds"], run["config"]["world"]) == ("queued", [3, 5], "ordering")
    assert page.ask(201)["policies"] == ["random", "lightman_80_20_fixed", "lightman_80_20"]
    for body in (
        {"colour": 1},
        {"seeds": [1, 1]},
        {"seeds": []},
        {"seeds": [True]},
        {"seeds": [2**40]},
        {"policies": "random"},
        {"config": {"seed": 4}},
        {"config": {"budgets": ["²"]}},
        {"config": {"threads": 999}},
        {"config": {"epochs": 0}},
        {"config": {"writer_train_steps": 10**400}},
        {"config": {"budgets": ["9" * 5000]}},
        {"config": {"pool_problems": 20_000, "pool_samples": 4_096}},
        {"config": {"world": "lineage", "pool_problems": 20_000}},
        {"size": []},
    ):
        page.ask(422, body=body)
    assert [row["id"] for row in page.web.get(page.api).json()["simulations"]][1] == run["id"]
    details = page.web.get(f"{page.api}/{run['id']}").json()
    assert (details["measurements"], details["results"]) == ([], None)
    assert page.ask(200, f"/{run['id']}/cancellation")["state"] == "cancelled"
    page.ask(409, f"/{run['id']}/cancellation")
    assert page.ask(200, f"/{run['id']}/resumption")["state"] == "queued"


@pytest.mark.parametrize("world", list(WORLDS))
def test_the_small_size_fits_into_every_world(page: Page, world: str) -> None:
    """It needs no more different problems than the world has."""
    config = page.ask(201, body={"size": "small", "config": {"world": world}})["config"]
    plain = request.count_problems(world, 5_000)
    longer = request.count_problems(world, 5_000, shifted=True)
    assert 2 < config["shifted_problems"] <= longer
    assert config["validation_problems"] < config["pool_problems"] < plain - config["test_problems"]
    if longer < 5_000:
        options = {"world": world, "shifted_problems": longer + 1}
        message = page.ask(422, body={"config": options})["message"]
        assert "different longer problems" in message


def test_simulations_of_other_projects_are_hidden(page: Page) -> None:
    run = simulation.simulation(page.db, factories.project(page.db, "Other"))
    page.get(f"/simulations/{run.id}", 404)
    page.get(f"/simulations/{run.id}/measurements.csv", 404)
    page.get(f"/simulations/{10**30}", 404)
    assert page.web.get(f"{page.api}/{run.id}").status_code == 404


def test_labelers_have_no_simulations(page: Page) -> None:
    factories.sign_in(page.web, page.db, factories.member(page.db, page.project, "labeler"))
    page.get("/simulations", 403)
