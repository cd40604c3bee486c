"""The pages of the lab: what a researcher starts, watches and downloads."""

from __future__ import annotations

import csv
import io
import math

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.generators.models import Generator
from app.lab import queries, tree_json
from app.lab.models import SearchRun
from app.search.config import SearchConfig
from app.search.run_search import run_search
from app.search.tree import Tree
from tests.factories import base as factories
from tests.factories import selection as loop
from tests.factories.lab import RESULTS
from tests.markup import read_page
from tests.search.tabular_world import Chances, Dictionary, Table, classes

HOSTILE = "<script>alert(1)</script>"


class Page:
    def __init__(self, db: Session, web: TestClient) -> None:
        self.db, self.web = db, web
        self.project = factories.project(db, "Lab")
        factories.sign_in(web, db, factories.member(db, self.project, "researcher"))
        self.home = f"/projects/{self.project.slug}"

    def ready(self) -> dict[str, int]:
        generator = Generator(
            project_id=self.project.id, name="lm", kind="openai", base_url="http://x/v1", model="m",
            config={"endpoint": "completions"},
        )  # fmt: skip
        self.db.add(generator)
        model = loop.model(self.db, self.project, "prm-1")
        problem = factories.problem(self.db, self.project, f"What is {HOSTILE}?", split="validation")
        self.db.flush()
        return {"model_id": model.id, "generator_id": generator.id, "problem_id": problem.id}

    def get(self, path: str, status: int = 200) -> str:
        answer = self.web.get(self.home + path)
        assert answer.status_code == status, answer.text
        return read_page(answer)

    def done(self, **values: object) -> SearchRun:
        run = SearchRun(project_id=self.project.id, state="succeeded", **values)
        self.db.add(run)
        self.db.flush()
        return run


@pytest.fixture
def page(db: Session, web: TestClient) -> Page:
    return Page(db, web)


def test_a_page_without_model_or_generator_links_to_them(page: Page) -> None:
    empty = page.get("/lab")
    assert "A model and a generator are required" in empty
    assert f"{page.home}/generators" in empty


def test_a_search_is_started_watched_and_cancelled(page: Page) -> None:
    ready = page.ready()
    form = page.get(f"/lab?problem={ready['problem_id']}")
    assert HOSTILE not in form
    assert "&lt;script&gt;" in form
    answer = page.web.post(
        f"{page.home}/lab/searches", data={**ready, "method": "beam", "n": 8, "beam_width": 4}
    )
    assert answer.status_code == 303
    run = page.db.scalars(select(SearchRun)).one()
    assert (run.state, run.config["n"], run.problem_id) == ("queued", 8, ready["problem_id"])
    jobs = page.db.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")).scalars()
    assert "runs.search" in jobs
    path = f"/lab/searches/{run.id}"
    assert f'hx-get="{page.home}{path}/progress"' in page.get(path)
    assert "HX-Refresh" not in page.web.get(page.home + path + "/progress").headers
    page.web.post(f"{page.home}{path}/cancellation")
    assert page.web.get(page.home + path + "/progress").headers["HX-Refresh"] == "true"
    assert "Search cancelled" in page.get(path)
    again = page.web.post(f"{page.home}{path}/cancellation")
    assert again.status_code == 409


def test_invalid_forms_show_their_errors(page: Page) -> None:
    ready = page.ready()
    for more, status in (
        ({"method": "beam", "n": 4, "beam_width": 8}, 422),
        ({"method": "mcts"}, 422),
        ({"n": 1000}, 422),
        ({"problem_id": 10**9}, 404),
        ({"model_id": 10**9}, 404),
    ):
        assert page.web.post(f"{page.home}/lab/searches", data={**ready, **more}).status_code == status
    study = page.web.post(f"{page.home}/lab/sweeps", data={**ready, "most": 4})
    assert study.status_code == 422, "no strategy was chosen"
    page.get("/lab/searches/99999999999", 404)
    page.get(f"/lab/searches/{10**30}", 404)
    page.get(f"/lab?problem={10**30}", 422)


def watched(page: Page, tree: Tree, results: dict[str, object] | None = None) -> SearchRun:
    return page.done(
        **page.ready(), config=SearchConfig(method="beam", n=4, beam_width=2).to_json(),
        tree=tree_json.tree_to_json(tree, None),
        results=results or {"votes": [], "chosen": None, "verdict": None},
    )  # fmt: skip


def test_the_tree_of_a_search(page: Page) -> None:
    """Lists in lists; what was chosen, kept, dropped and drawn twice is said in words."""
    config = SearchConfig(method="beam", n=4, beam_width=2, aggregate="last")
    result = run_search("?", config, Dictionary(Chances([0, 0, 1, 2, 0, 1, 0, 1, 0, 1])), Table(), classes)
    results = {
        "chosen": result.chosen.id if result.chosen else None, "verdict": "correct", "aggregate": "last",
        "votes": [{"answer": "4", "weight": 0.6, "count": 2, "solutions": result.votes[0].solutions,
                   "verdict": "correct"},
                  {"answer": HOSTILE, "weight": 0.4, "count": 1, "solutions": [], "verdict": None}],
        "costs": result.costs.as_json(), "read_tokens": 99, "seconds": 1.5, "parameters": 5, "finished": 3,
    }  # fmt: skip
    run = page.done(
        **page.ready(),
        config=config.to_json(),
        tree=tree_json.tree_to_json(result.tree, result.chosen),
        results=results,
    )
    content = page.get(f"/lab/searches/{run.id}")
    assert HOSTILE not in content
    assert content.count("chosen</span>") == 1 + len(list(result.tree.path(result.chosen)))
    assert "sampled 2 times" in content
    assert "pruned" in content
    assert ">selected</span>" in content
    assert "finished: 4" in content
    assert f">{result.costs.steps}</dd>" in content
    data = page.web.get(f"{page.home}/lab/searches/{run.id}/data.json").json()
    assert len(data["tree"]["nodes"]) == len(result.tree.nodes) - 1
    assert "beam search" in page.get("/lab")


def test_a_large_tree_keeps_the_selected_nodes(page: Page) -> None:
    tree = Tree()
    for number in range(2000):
        node, _ = tree.add_node(tree.root, (f"dropped {number}",), False, 0, 1)
        node.score = node.rank = math.log(0.5)
    selected, _ = tree.add_node(tree.root, ("kept",), False, 0, 1)
    selected.selected = True
    end, _ = tree.add_node(selected, ("kept", "x" * 5000), True, 0, 2)
    saved = tree_json.tree_to_json(tree, end)
    assert len(saved["nodes"]) == tree_json.MOST_NODES
    assert saved["left_out"] == 2002 - tree_json.MOST_NODES
    ids = {node["id"] for node in saved["nodes"]}
    assert {selected.id, end.id} <= ids
    assert all(node["parent"] == 0 or node["parent"] in ids for node in saved["nodes"])
    assert max(len(node["text"]) for node in saved["nodes"]) < 2100
    run = watched(page, tree)
    assert f"Steps not shown: {2002 - tree_json.MOST_NODES}." in page.get(f"/lab/searches/{run.id}")


def test_a_chain_is_one_list_however_long() -> None:
    tree = Tree()
    node = tree.root
    for length in range(300):
        node, _ = tree.add_node(node, (*node.steps, str(length)), length == 299, 0, length)
    branches = queries.build_branches(tree_json.tree_to_json(tree, node), None)
    assert len(branches.steps) == 301
    assert branches.branches == []


def test_curves_figures_and_downloads(page: Page) -> None:
    ready = page.ready()
    results = {**RESULTS, "excluded": {"trained_on": 3}}
    values = {name: ready[name] for name in ("model_id", "generator_id")}
    run = page.done(**values, config={"most": 2}, results=results)
    content = page.get(f"/lab/searches/{run.id}")
    assert "Excluded as training problems: 3." in content
    assert "best-of-N, weighted: 75.0% to 75.0%" in content, "said in a sentence"
    rows = list(csv.reader(io.StringIO(page.get(f"/lab/searches/{run.id}/plots/budget.csv"))))
    assert rows[0][:3] == ["budget", "best-of-N, weighted", "beam search, M = 4"]
    assert [row[:3] for row in rows[1:]] == [["1", "0.75", "0.5"], ["2", "0.75", "0.5"]]
    compute = page.web.get(f"{page.home}/lab/searches/{run.id}/plots/compute.json").json()
    assert compute["x"]["values"] == [1.25, 2.5, 2.7, 5.4]
    assert compute["series"][0]["values"] == [0.75, 0.75, None, None]
    easy = page.web.get(f"{page.home}/lab/searches/{run.id}/plots/difficulty-oracle.json").json()
    assert easy["x"]["names"] == ["2 (5)", "4 (5)"], "equal ones share the bin of their middle rank"
    page.get(f"/lab/searches/{run.id}/plots/nothing.json", 404)
    larger = page.get(f"/lab/searches/{run.id}?times=2&accuracy=80")
    assert larger.count("search is better") == 2
    assert larger.count("larger model is better") == 1
    page.get(f"/lab/searches/{run.id}?times=0", 422)
    page.get(f"/lab/searches/{run.id}?accuracy=lots", 422)
    assert "Budget sweep up to 2" in page.get("/lab")


def test_the_api(page: Page) -> None:
    ready = page.ready()
    api = f"/api/v1/projects/{page.project.slug}/searches"

    def post(status: int, path: str = "", **body: object) -> dict:
        answer = page.web.post(api + path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    search = post(201, **ready, config={"method": "dvts", "n": 8})
    assert (search["state"], search["config"]["beam_width"]) == ("queued", 4)
    many = {name: ready[name] for name in ("model_id", "generator_id")}
    assert post(201, **many)["config"]["most"] == 16
    for wrong in (
        {},
        {**many, "problem_id": "x"},
        {**many, "problem_id": True},
        {**many, "model_id": 10**30},
        {**many, "config": []},
        {**many, "config": None},
        {**many, "config": {"n": 4}},
        {**many, "colour": 1},
    ):
        post(422, **wrong)
    post(404, **many, problem_id=10**9)
    assert [row["id"] for row in page.web.get(api).json()["searches"]][1] == search["id"]
    details = page.web.get(f"{api}/{search['id']}").json()
    assert (details["tree"], details["results"]) == (None, None)
    assert post(200, f"/{search['id']}/cancellation")["state"] == "cancelled"
    post(409, f"/{search['id']}/cancellation")


def test_labelers_have_no_lab(page: Page, db: Session) -> None:
    factories.sign_in(page.web, db, factories.member(db, page.project, "labeler"))
    page.get("/lab", 403)
