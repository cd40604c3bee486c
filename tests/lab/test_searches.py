"""Searches by a real model with a real server, as the worker's process does them."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import cli
from app.core import subprocess_jobs
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.run_lifecycle import cancel_run
from app.lab import runs
from app.lab.models import ProblemResult, SearchRun
from app.training.models import Snapshot, SnapshotItem
from tests.lab.conftest import Lab
from tests.polling import LONG, gone, until


def test_a_search_stores_its_tree_answers_and_costs(lab: Lab) -> None:
    done = lab.search(lab.start(method="beam", n=8, beam_width=4))
    assert (done.state, done.error) == ("succeeded", None)
    results, nodes = done.results or {}, (done.tree or {})["nodes"]
    answer = results["votes"][0]["answer"]
    assert results["verdict"] == ("correct" if answer == lab.problem().reference_answer else "incorrect")
    assert sum(vote["weight"] for vote in results["votes"]) == pytest.approx(1)
    assert (results["aggregate"], results["costs"]["unreadable"]) == ("product", 0)
    costs = results["costs"]
    assert costs["asks"] == 8 * 3, "three steps, eight of each"
    assert costs["tokens"] == 20 * costs["asks"], "what the server said"
    assert results["read_tokens"] > 0
    on_path = [node for node in nodes if node["chosen"]]
    assert [node["depth"] for node in on_path] == [1, 2, 3]
    assert results["chosen"] == on_path[-1]["id"]
    assert on_path[-1]["finished"]
    assert all(0 < node["correct"] <= 1 for node in nodes)
    seen = lab.server.seen()
    assert {line["stop"][0] for line in seen} == {"\n"}
    assert sum(line["n"] for line in seen) == 24
    assert len({line["seed"] for line in seen}) == len(seen)


@pytest.mark.parametrize(("method", "samples"), [("best_of_n", 4), ("dvts", 12), ("lookahead", 12 + 8)])
def test_every_method(lab: Lab, method: str, samples: int) -> None:
    """Lookahead, k = 1: a rollout for each distinct prefix of one and of two steps, four at most."""
    done = lab.search(lab.start(method=method, n=4, beam_width=2, lookahead=1))
    assert done.state == "succeeded"
    assert (done.results or {})["costs"]["asks"] <= samples
    assert (done.results or {})["finished"] >= 1
    greedy = [line for line in lab.server.seen() if line["temperature"] == 0]
    assert bool(greedy) == (method == "lookahead")


def test_revisions(lab: Lab) -> None:
    """Two chains of three: the first attempts see the problem alone, the last two attempts before. It
    need not go on from a beginning, so a plain chat server will do."""
    chat = lab.other("steady", called="chat", endpoint="chat")
    done = lab.search(lab.start(generator=chat, method="revisions", n=6, beam_width=3))
    assert (done.state, done.error) == ("succeeded", None)
    assert (done.results or {})["costs"]["asks"] == len(lab.server.seen()) == 6
    shown = [line["messages"][-1]["content"].count("Attempt") for line in lab.server.seen()]
    assert sorted(shown) == [0, 0, 1, 1, 2, 2]
    assert {node["subtree"] for node in (done.tree or {})["nodes"]} == {0, 1}


def test_a_generator_with_one_sample_per_request(lab: Lab) -> None:
    done = lab.search(lab.start(generator=lab.other("single", samples_per_request=1), n=4))
    assert (done.results or {})["costs"]["asks"] == 4
    assert len(lab.server.seen()) == 4


def test_hostile_text_is_kept_as_text(lab: Lab) -> None:
    done = lab.search(lab.start(generator=lab.other("hostile"), n=2))
    assert done.state == "succeeded"
    assert "<script>" in (done.tree or {})["nodes"][0]["text"]
    assert "\x00" not in str(done.tree)


def test_a_generator_without_output(lab: Lab) -> None:
    done = lab.search(lab.start(generator=lab.other("empty"), method="beam", n=4, beam_width=2))
    assert done.state == "succeeded"
    assert (done.results or {})["votes"] == []
    assert (done.results or {})["costs"]["empty"] == 4


def test_an_unreachable_generator(lab: Lab) -> None:
    done = lab.search(lab.start(generator=lab.other("locked"), n=2))
    assert done.state == "failed"
    assert "401" in (done.error or "")


def test_invalid_searches_are_refused(lab: Lab) -> None:
    chat = lab.other("steady", called="chat", endpoint="chat")
    for wrong, error in (
        ({"generator": chat, "method": "beam"}, Invalid),
        ({"generator": chat, "watched": False}, Invalid),
        ({"method": "beam", "n": 6, "beam_width": 4}, Invalid),
        ({"n": 512}, Invalid),
        ({"colour": 1}, Invalid),
        ({"watched": False, "strategies": ["mcts"]}, Invalid),
        ({"watched": False, "splits": ["all"]}, Invalid),
        ({"generator": 10**9}, NotFound),
    ):
        with pytest.raises(error):
            lab.start(**wrong)  # type: ignore[arg-type]


def test_a_sweep_measures_every_method_at_every_budget(lab: Lab) -> None:
    strategies = ["weighted", "best", "majority", "beam-4", "beam-sqrt", "lookahead-1", "dvts-4"]
    done = lab.search(
        lab.start(watched=False, most=4, problems=5, strategies=strategies, resamples=50, subsets=50)
    )
    assert (done.state, done.error) == ("succeeded", None)
    results = done.results or {}
    assert (results["problems"], results["budgets"]) == (5, [1, 2, 4])
    assert results["curves"]["lookahead-1"]["mean"][0] is None, "one solution does not pay for a rollout"
    for name in strategies:
        curve = results["curves"][name]
        for place in range(3):
            if curve["mean"][place] is not None:
                assert 0 <= curve["low"][place] <= curve["mean"][place] <= curve["high"][place] <= 1
    assert results["curves"]["weighted"]["mean"][0] == pytest.approx(results["pass_at_1"])
    assert results["pass_at_n"]["mean"] == sorted(results["pass_at_n"]["mean"])
    assert results["tokens"]["weighted"] == [20, 40, 80]
    assert results["tokens"]["beam-4"] == [60, 120, 240], "three requests of twenty tokens each"
    assert results["read"]["majority"] == [0, 0, 0], "a majority needs no model"
    assert results["optimal"].keys() == {"oracle", "predicted"}
    assert sum(entry["problems"] for entry in results["bins"]["oracle"]) == 5


def test_an_interrupted_sweep_continues(lab: Lab) -> None:
    run_id = lab.start(watched=False, most=2, problems=3, strategies=["weighted"], resamples=50)
    with transaction() as db:
        values = {
            "pass_at_1": 1.0, "mean_score": 0.5, "samples_right": 2, "sample_tokens": 1.0,
            "right": {"weighted": [1.0, 1.0]},
            **{name: {"weighted": [1.0, 2.0]} for name in ("tokens", "read")},
        }  # fmt: skip
        for problem_id in lab.problems:
            db.add(ProblemResult(search_run_id=run_id, problem_id=problem_id, metrics=values))
    done = lab.search(run_id)
    assert lab.server.seen() == [], "nothing was left to do"
    assert (done.results or {})["curves"]["weighted"]["mean"] == [1, 1]


def test_training_problems_are_excluded(lab: Lab) -> None:
    with transaction() as db:
        from app.training.models import Model

        frozen = Snapshot(project_id=lab.project, hash=b"0" * 32, definition={}, counts={})
        db.add(frozen)
        db.flush()
        from app.problems.models import Problem
        from tests.factories import base as factories

        problem = db.get_one(Problem, lab.problems[0])
        solution = factories.solution(db, problem)
        db.add(
            SnapshotItem(
                snapshot_id=frozen.id, ordinal=0, problem_id=problem.id, solution_id=solution.id,
                assignment_ids=[], split="train", steps=["x"], targets=[1],
            )
        )  # fmt: skip
        db.get_one(Model, lab.model).snapshot_id = frozen.id
    done = lab.search(lab.start(watched=False, most=1, strategies=["best"], resamples=20))
    assert (done.results or {})["problems"] == 5
    assert (done.results or {})["excluded"] == {"trained_on": 1}
    empty = lab.search(lab.start(watched=False, splits=["test"], strategies=["best"]))
    assert empty.state == "failed"
    assert "reference answer" in (empty.error or "")


def in_the_background(run_id: int) -> tuple[threading.Thread, int]:
    job = threading.Thread(target=subprocess_jobs.run_in_subprocess, args=(runs.KIND, run_id))
    job.start()

    def child_pids() -> list[int]:
        children = psutil.Process().children()
        return [child.pid for child in children if "app.lab.process" in " ".join(child.cmdline())]

    until(lambda: bool(child_pids()), "the process")
    return job, child_pids()[0]


def test_a_search_in_its_process_is_cancelled(lab: Lab) -> None:
    """The server takes 0.15 s a request; round after round is seen. Then its process is gone."""
    slow = lab.other("slow", concurrency=1, samples_per_request=1)
    run_id = lab.start(generator=slow, n=64)
    job, pid = in_the_background(run_id)
    until(lambda: bool(lab.row(run_id).tree), "the first look at the tree")
    grown = lab.row(run_id)
    assert grown.state == "running"
    assert grown.progress["costs"]["asks"] < 64
    with transaction() as db:
        cancel_run(db, grown, None)
    until(lambda: gone(pid), "the process to end", 20)
    job.join(LONG)
    ended = lab.row(run_id)
    assert ended.state == "cancelled"
    assert (ended.tree or {})["nodes"], "what has grown stays"
    with transaction() as db, pytest.raises(Conflict):
        cancel_run(db, ended, None)


def test_a_killed_search_is_tried_again(lab: Lab) -> None:
    run_id = lab.start(generator=lab.other("slow", concurrency=1, samples_per_request=1), n=16)
    job, pid = in_the_background(run_id)
    os.kill(pid, signal.SIGKILL)
    job.join(LONG)
    killed = lab.row(run_id)
    assert (killed.state, killed.attempt) == ("queued", 1)
    assert "SIGKILL" in (killed.error or "")
    done = lab.search(run_id)
    assert (done.state, done.attempt, done.error) == ("succeeded", 2, None)
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(ProblemResult)) == 0


def test_on_the_command_line(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is needed. (The process is this one: one of its own is looked at above.)"""

    def run_in_this_process(kind: object, run_id: int, look: Callable[[SearchRun], None]) -> None:
        look(lab.row(run_id))
        lab.search(run_id)

    monkeypatch.setattr(subprocess_jobs, "run_in_subprocess", run_in_this_process)
    out, config = tmp_path / "found.json", tmp_path / "config.json"
    config.write_text('{"method": "beam", "n": 4, "beam_width": 2}')
    arguments = ["search", "--project", "Lab", "--model", "tiny", "--generator", "steady"]
    options = ["--problem", lab.problem().external_id, "--config", str(config), "--out", str(out)]
    done = CliRunner().invoke(cli, [*arguments, *options])
    assert done.exit_code == 0, done.output
    assert "12 steps, 240 tokens" in done.output
    saved = json.loads(out.read_text())
    assert saved["results"]["costs"]["asks"] == 12
    assert len(saved["tree"]["nodes"]) >= 3
    config.write_text('{"strategies": ["best"], "splits": ["test"]}')
    nothing = CliRunner().invoke(cli, [*arguments, "--config", str(config)])
    assert nothing.exit_code == 3
    assert "reference answer" in nothing.output
