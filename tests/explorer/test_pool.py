"""The pool: filters, every solution once and in order over the pages, and histograms."""

from __future__ import annotations

import math

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import worker
from app.explorer import histogram, pool_query
from app.explorer.pool_filter import PoolFilter, bind_values, build_conditions
from app.explorer.pool_query import PageCursor
from app.problems.models import Solution
from app.scoring import process
from app.scoring.models import Score, ScoringRun
from app.training.models import Model
from tests.factories import base as factories

SCORES = (0.97, 0.9, 0.9, 0.9, 0.51, 0.3, 0.04, 1.0)
VERDICTS = (
    "incorrect",
    "correct",
    "incorrect",
    "unparseable",
    "correct",
    "incorrect",
    "incorrect",
    "correct",
)
HOSTILE = "<script>alert(1)</script>"


class Pool:
    def __init__(self, db: Session) -> None:
        self.db = db
        self.project = factories.project(db, "Pool")
        self.model = Model(
            project_id=self.project.id, name="Judge", path="x", weights_hash=b"0" * 32, config={}
        )
        db.add(self.model)
        db.flush()
        even = factories.problem(db, self.project, "How many even apples?", subject="algebra", level="1")
        odd = factories.problem(db, self.project, "An odd triangle", subject="geometry", split="validation")
        self.solutions: list[Solution] = []
        for place, (score, verdict) in enumerate(zip(SCORES, VERDICTS, strict=True)):
            problem = odd if place % 2 else even
            steps = (f"step {HOSTILE}", f"so \\frac{{{place}}}{{2}}")
            solution = factories.solution(db, problem, steps, verdict=verdict, generator=f"g{place // 4}")
            self.solutions.append(solution)
            probs = [1 - math.sqrt(score), 0.0, math.sqrt(score)] * 2
            db.add(
                Score(
                    model_id=self.model.id,
                    solution_id=solution.id,
                    problem_id=problem.id,
                    log_score=math.log(score),
                    step_probs=probs,
                )
            )
        db.flush()

    def places(self, **filters: object) -> list[int]:
        """Every page, until the last."""
        pool_filter = PoolFilter(**{"model_id": self.model.id, **filters})
        cursor, places = None, []
        by_id = {solution.id: place for place, solution in enumerate(self.solutions)}
        for _ in range(40):
            page = pool_query.load_page(self.db, self.project.id, pool_filter, cursor)
            places += [by_id[solution_id] for solution_id in page.ids]
            if page.next_cursor is None:
                return places
            cursor = PageCursor.parse(str(page.next_cursor))
        raise AssertionError("the pages never end")


@pytest.fixture
def pool(db: Session) -> Pool:
    return Pool(db)


@pytest.mark.parametrize(("page", "look"), [(50, 20_000), (1, 20_000), (3, 20_000), (2, 2), (1, 1), (5, 3)])
def test_every_solution_once_in_the_order_of_scores(pool, monkeypatch, page, look):
    monkeypatch.setattr(pool_query, "PAGE", page)
    monkeypatch.setattr(pool_query, "SCAN_LIMIT", look)
    highest = sorted(range(8), key=lambda place: (-SCORES[place], place))
    assert pool.places() == highest == [7, 0, 1, 2, 3, 4, 5, 6]
    assert pool.places(sort="lowest") == highest[::-1]
    assert pool.places(model_id=None) == list(range(8))
    assert pool.places(verdict="incorrect") == [0, 2, 5, 6]
    assert pool.places(subject="geometry", sort="lowest") == [5, 3, 1, 7]


@pytest.mark.parametrize("look", [20_000, 2])
@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"query": "even apples"}, [0, 2, 4, 6]),
        ({"query": "apples -even"}, []),
        ({"query": "\\frac{3}", "search_in": "steps"}, [3]),
        ({"query": "_", "search_in": "steps"}, []),
        ({"split": "validation"}, [7, 1, 3, 5]),
        ({"level": "1", "verdict": "correct"}, [4]),
        ({"generator": "g1"}, [7, 4, 5, 6]),
        ({"min_score": 0.9}, [7, 0, 1, 2, 3]),
        ({"min_score": 0.3, "max_score": 0.6}, [4, 5]),
        ({"max_score": 0.0}, []),
        ({"generation": 3}, [2]),
        ({"generation": 4}, []),
        ({"labeled": "no"}, [7, 0, 1, 2, 3, 4, 5, 6]),
        ({"labeled": "yes"}, []),
    ],
)
def test_filters(pool, monkeypatch, filters, left, look):
    monkeypatch.setattr(pool_query, "SCAN_LIMIT", look)
    factories.task(pool.db, pool.solutions[2], generation=3)
    assert pool.places(**filters) == left
    counted = histogram.load_histogram(
        pool.db, pool.project.id, PoolFilter(model_id=pool.model.id, **filters)
    )
    if look > 8:
        assert counted.filtered
        assert counted.total == len(left)


def test_a_name_from_a_file_finds_its_solution(pool):
    assert pool.places(query=pool.solutions[5].external_id) == [5]


@pytest.fixture
def large(pool, monkeypatch) -> Pool:
    """A pool that counts as too large to count during a request."""
    monkeypatch.setattr(histogram, "SCAN_LIMIT", 3)
    monkeypatch.setattr(pool_query, "SCAN_LIMIT", 3)
    monkeypatch.setattr(
        histogram, "MANY", histogram.text("SELECT count(*) FROM score WHERE model_id = :model_id")
    )
    return pool


def waiting(db: Session) -> list[dict[str, int]]:
    """Arguments of the queued counting jobs."""
    job = "SELECT args FROM procrastinate_jobs WHERE task_name = 'explorer.count' AND status = 'todo'"
    return list(db.scalars(text(job)))


def test_scores_in_their_bins(pool):
    live = histogram.load_histogram(pool.db, pool.project.id, PoolFilter(model_id=pool.model.id))
    assert live.rows["correct"][19] == 1  # a score of 1 is in the last bin
    assert (sum(live.rows["incorrect"]), live.rows["incorrect"][0], live.rows["incorrect"][19]) == (4, 1, 1)
    assert live.rows["unparseable"][17] + live.rows["unparseable"][18] == 1
    assert not waiting(pool.db), "counted at once"


def test_the_histogram_kept_is_the_one_counted(large):
    pool_filter = PoolFilter(model_id=large.model.id)
    live = histogram._count(
        large.db,
        bind_values(large.project.id, pool_filter),
        build_conditions(pool_filter),
    )
    histogram.refresh_histogram(large.db, large.model.id)
    assert histogram.load_histogram(large.db, large.project.id, pool_filter).rows == live
    large.solutions[0].verdict = "correct"
    large.db.flush()
    histogram.refresh_histogram(large.db, large.model.id)
    assert histogram.load_histogram(large.db, large.project.id, pool_filter).rows == live, (
        "kept, not counted again"
    )
    validation = PoolFilter(model_id=large.model.id, split="validation")
    assert histogram.load_histogram(large.db, large.project.id, validation).total == 4
    assert not waiting(large.db)


def test_a_page_leaves_the_counting_of_a_large_pool_to_the_worker(large, web: TestClient):
    factories.sign_in(web, large.db, factories.member(large.db, large.project, "researcher"))
    for _ in range(2):
        page = web.get("/projects/pool/solutions?verdict=incorrect")
        assert "Computing histogram" in page.text
        assert "/projects/pool/solutions?model=" in page.text.split("hx-get=")[1]
        assert waiting(large.db) == [{"model_id": large.model.id}], "queued once"
    answer = web.get("/api/v1/projects/pool/score-histogram").json()
    assert (answer["computing"], answer["verdicts"]) == (True, {})
    histogram.refresh_histogram(large.db, large.model.id)
    page = web.get("/projects/pool/solutions?verdict=wrong")
    assert "Computing histogram" not in page.text
    assert "4 solutions" in page.text


def test_an_old_histogram_is_shown_while_it_is_counted_anew(large):
    pool_filter = PoolFilter(model_id=large.model.id)
    histogram.refresh_histogram(large.db, large.model.id)
    large.db.execute(text("UPDATE score_histogram SET at = now() - interval '2 hours'"))
    large.solutions[0].verdict = "correct"
    large.db.flush()
    old = histogram.load_histogram(large.db, large.project.id, pool_filter)
    assert (sum(old.rows["incorrect"]), old.computing) == (4, False)
    assert waiting(large.db) == [{"model_id": large.model.id}]
    histogram.refresh_histogram(large.db, large.model.id)
    assert sum(histogram.load_histogram(large.db, large.project.id, pool_filter).rows["incorrect"]) == 3


def test_a_scoring_that_ends_has_its_histogram_counted(pool):
    config = {"splits": ["train"]}
    run = ScoringRun(project_id=pool.project.id, model_id=pool.model.id, state="running", config=config)
    pool.db.add(run)
    pool.db.flush()
    process.finish_run(pool.db, run.id, run.fence)
    assert run.state == "succeeded"
    assert waiting(pool.db) == [{"model_id": pool.model.id}]
    worker.declare()
    assert "explorer.count" in worker.queue.tasks


def test_pages_and_api(pool, web: TestClient):
    factories.sign_in(web, pool.db, factories.member(pool.db, pool.project, "researcher"))
    page = web.get("/projects/pool/solutions")
    assert page.status_code == 200
    assert "p(correct) step 1: 0.98, step 2: 0.98" in page.text
    assert HOSTILE not in page.text
    assert "style=" not in page.text
    empty = web.get("/projects/pool/solutions?verdict=ungraded")
    assert "No matching solutions" in empty.text
    assert "Scores by verdict" not in empty.text
    solution_page = web.get(f"/projects/pool/solutions/{pool.solutions[0].id}")
    assert "Judge" in solution_page.text
    assert HOSTILE not in solution_page.text
    assert "&lt;script&gt;" in solution_page.text
    assert web.get("/projects/pool/solutions?model=99999").status_code == 404
    for strange in (
        "cursor=x",
        "min_score=nan&max_score=-3",
        "generation=99999999999999",
        "query=%00",
        "split=%00",
    ):
        assert web.get(f"/projects/pool/solutions?{strange}").status_code == 200, strange
    answer = web.get("/api/v1/projects/pool/solutions?verdict=incorrect&min_score=0.5").json()
    assert [round(solution["score"], 2) for solution in answer["solutions"]] == [0.97, 0.9]
    assert answer["next_cursor"] is None
    former = web.get("/api/v1/projects/pool/solutions?verdict=wrong&low=0.5&order=lowest").json()
    assert [round(solution["score"], 2) for solution in former["solutions"]] == [0.9, 0.97]
    counts = web.get("/api/v1/projects/pool/score-histogram").json()
    assert sum(map(sum, counts["verdicts"].values())) == 8
    scores = web.get(f"/api/v1/projects/pool/solutions/{pool.solutions[0].id}").json()["scores"]
    assert scores[0]["aggregate"] == "product"


def test_a_labeler_does_not_see_scores(pool, web: TestClient):
    factories.sign_in(web, pool.db, factories.member(pool.db, pool.project, "labeler"))
    assert web.get("/projects/pool/solutions").status_code == 403


def test_the_api_refuses_unknown_parameters_and_describes_its_answers(pool, web: TestClient):
    factories.sign_in(web, pool.db, factories.member(pool.db, pool.project, "researcher"))
    answer = web.get("/api/v1/projects/pool/solutions?min_scor=0.5")
    assert answer.status_code == 422
    assert "min_scor" in answer.json()["message"]
    schema = web.app.openapi()
    parameters = schema["paths"]["/api/v1/projects/{slug}/solutions"]["get"]["parameters"]
    names = {parameter["name"] for parameter in parameters}
    assert {"query", "search_in", "min_score", "max_score", "sort", "cursor"} <= names
    assert not names & {"q", "inside", "low", "high", "order", "after"}
    assert "next_cursor" in schema["components"]["schemas"]["PoolPageOut"]["properties"]
