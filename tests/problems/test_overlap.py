"""Near-duplicates: keys of solutions, and passages that problems share with test problems."""

from __future__ import annotations

import json

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.problems.decontamination import Statement, find_overlap
from app.problems.problem_keys import solution_key
from tests.factories import base as factories

TEXT = "A farmer has 17 sheep and buys 5 more at the market. How many sheep does he have now?"


def test_spacing_punctuation_and_case_do_not_tell_solutions_apart() -> None:
    key = solution_key(["So we get 3 + 4 = 7.", "The answer is 7."])
    for same in (
        ["so we get 3+4 = 7", "The answer is 7"],
        ["So we get 3 + 4 = 7!  The answer is: 7."],
        ["So, we get $3 + 4 = 7$;", "**The answer is 7**"],
    ):
        assert solution_key(same) == key
    for other in (["So we get 3 - 4 = 7.", "The answer is 7."], ["So we get 3 + 4 = 7.", "The answer is 8."]):
        assert solution_key(other) != key
    assert solution_key(["x = 1.5"]) != solution_key(["x = 15"])
    assert solution_key(["f(1,2)"]) != solution_key(["f(12)"])
    assert solution_key(["x = ５"]) == solution_key(["X=5."])


def test_pairs_share_long_passages_or_whole_short_statements() -> None:
    tests = [Statement(1, "t1", TEXT), Statement(2, "t2", "What is the sum of 2 and 2 and 2?")]
    problems = [
        Statement(3, "a", TEXT.upper().replace(".", " .")),
        Statement(4, "b", "Today " + TEXT[:56] + " He sells them all again on the very next day."),
        Statement(5, "c", "what is the sum of 2 and 2 and 2"),
        Statement(6, "d", "A farmer has 18 sheep and buys 6 more at the fair."),
    ]
    report = find_overlap(problems, tests, 11)
    pairs = [(pair.problem.external_id, pair.test_problem.external_id) for pair in report.pairs]
    assert pairs == [("a", "t1"), ("c", "t2"), ("b", "t1")]
    assert (report.pairs[0].share, report.pair_count, report.problems) == (1.0, 3, 4)
    assert 0 < report.pairs[2].share < 1
    assert report.pairs[2].passage.startswith("a farmer has 17 sheep")
    assert find_overlap(problems, tests, 50).pair_count == 2


def test_the_page_and_the_api_list_the_pairs(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    factories.problem(db, project, TEXT, split="test", external_id="exam")
    factories.problem(db, project, TEXT + " And then?", external_id="homework")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    page = web.get(f"/projects/{project.slug}/problems/overlap").text
    assert "homework" in page
    assert "1 pairs share a passage of 13 words" in " ".join(page.split())
    report = web.get(f"/api/v1/projects/{project.slug}/problem-overlap", params={"passage_length": 8}).json()
    assert [(pair["external_id"], pair["test_external_id"]) for pair in report["pairs"]] == [
        ("homework", "exam")
    ]
    assert (
        web.get(f"/api/v1/projects/{project.slug}/problem-overlap", params={"passage_length": 3}).status_code
        == 422
    )


def test_the_command_prints_the_pairs(database: str) -> None:
    with transaction() as db:
        project = factories.project(db, name="Overlap")
        factories.problem(db, project, TEXT, split="test")
        factories.problem(db, project, TEXT)
    lines = CliRunner().invoke(cli, ["decontaminate", "--project", "Overlap"]).output
    assert "100.0%  train" in lines
    assert "1 pairs share 13 words" in lines
    report = CliRunner().invoke(cli, ["decontaminate", "--project", "Overlap", "--json"]).output
    assert json.loads(report)["pair_count"] == 1
