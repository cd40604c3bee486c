"""The pool is filled to exactly k by real processes asking a real server that misbehaves."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import psutil
import pytest
from sqlalchemy import func, select, text

from app.core import supervisor
from app.core.db import transaction
from app.core.errors import Conflict, Invalid
from app.core.run_lifecycle import cancel_run, resume_run, start_attempt
from app.core.run_recovery import recover_stale_runs
from app.core.subprocess_jobs import run_in_subprocess, start_process
from app.generators import openai_sampler, pool_sampling, runs
from app.generators.models import Generator, SamplingError, SamplingItem, SamplingRun
from app.problems.grading import grade_waiting
from app.problems.models import Problem, Solution
from tests.factories import base as factories
from tests.generators.conftest import done, generator, gone_on, row, started, sums
from tests.polling import LONG, until


@pytest.fixture
def made(database, home, api):
    """A project with four problems, and a way to make generators for it."""
    with transaction() as db:
        project = factories.project(db)
        sums(db, project)

    def make(model: str = "steady", **config) -> int:
        with transaction() as db:
            return generator(db, project, api, model, **config).id

    make.project = project
    return make


def counts() -> Counter[int]:
    """Solutions by problem."""
    with transaction() as db:
        found = db.execute(select(Solution.problem_id, func.count()).group_by(Solution.problem_id))
        return Counter({row[0]: row[1] for row in found})


def errors(run: SamplingRun) -> list[str]:
    with transaction() as db:
        return list(db.scalars(select(SamplingError.message).where(SamplingError.sampling_run_id == run.id)))


def test_every_problem_gets_exactly_k_and_what_it_cost_is_counted(made, api):
    number = made()
    run = done(number, per_problem=7)
    assert (run.state, run.total, run.error) == ("succeeded", 28, None)
    assert set(counts().values()) == {7}
    assert len(counts()) == 4
    asked = api.seen()
    assert run.counters["stored"] == 28
    assert run.counters["requests"] == len(asked) == 12  # 3 + 3 + 1, four times
    assert sum(each["n"] for each in asked) == 28
    assert (run.counters["prompt_tokens"], run.counters["completion_tokens"]) == (120, 560)
    assert run.counters["seconds"] > 0
    with transaction() as db:
        one = db.scalars(select(Solution).limit(1)).one()
        assert (one.generator, one.verdict) == ("steady", None)
        assert len(one.steps) == 3
        assert one.steps[-1] == f"\\boxed{{{one.final_answer}}}"
        assert one.detail == {"sampling_run": run.id, "finish": "stop"}
        waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'problems.grade'"
        assert db.scalar(text(waiting)) == 1
    graded = grade_waiting(made.project.id)
    assert graded["correct"] > 0
    assert sum(graded.values()) == 28
    with pytest.raises(Invalid, match="No solutions are missing"), transaction() as db:
        runs.start(db, db.get_one(Generator, number), "pool", {"per_problem": 7}, None)
    assert done(number, per_problem=8).counters["stored"] == 4


def test_killed_in_the_middle_it_goes_on_where_it_was(made):
    run_id = started(made("slow", samples_per_request=2), per_problem=12)
    job = threading.Thread(target=run_in_subprocess, args=(runs.KIND, run_id))
    job.start()
    until(lambda: row(run_id).counters.get("stored", 0) >= 6, "the first solutions")
    mine = [
        child
        for child in psutil.Process().children()
        if "app.generators.process" in " ".join(child.cmdline())
    ]
    assert len(mine) == 1
    os.kill(mine[0].pid, signal.SIGKILL)
    job.join(LONG)
    killed = row(run_id)
    assert killed.state == "queued"
    assert "SIGKILL" in killed.error
    assert killed.counters["stored"] == counts().total()
    assert 6 <= counts().total() < 48
    ended = gone_on(run_id)
    assert (ended.state, ended.counters["stored"]) == ("succeeded", 48)
    assert set(counts().values()) == {12}


def test_two_processes_on_the_same_problems_never_make_one_too_many(made):
    """Two on one run, and a third of another generator that counts all of the pool."""
    slow, other = made("slow", samples_per_request=3), made("slow", called="two", samples_per_request=4)
    first, second = (
        started(slow, per_problem=12, count_from="pool"),
        started(other, per_problem=12, count_from="pool"),
    )
    with transaction() as db:
        for run_id in (first, second):
            assert start_attempt(db, run_id, SamplingRun)
    ours = [start_process(runs.KIND, row(run_id)) for run_id in (first, first, second)]
    assert [process.wait(LONG) for process in ours] == [0, 0, 0]
    assert set(counts().values()) == {12}
    assert row(first).counters["stored"] + row(second).counters.get("stored", 0) == 48
    assert {row(first).state, row(second).state} == {"succeeded"}


def test_a_server_that_is_busy_broken_and_garbled_is_asked_again(made, api):
    run = done(made("flaky", concurrency=1, samples_per_request=2), per_problem=4)
    assert (run.state, run.counters["stored"]) == ("succeeded", 16)
    assert set(counts().values()) == {4}
    assert run.counters["retries"] == 32  # four of five requests
    assert run.counters["requests"] == len(api.seen()) == 40
    assert errors(run) == []
    times = [each["at"] for each in api.seen()]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    busy = [each for number, each in enumerate(waits) if number % 5 == 0]
    assert min(busy) >= 0.2  # what Retry-After asked for
    assert min(waits) < 0.2


def test_duplicates_are_kept_and_counted_or_left_out_until_patience_ends(made):
    kept = done(made("same"), per_problem=5)
    assert kept.counters["stored"] == 20
    assert kept.counters["duplicates"] == 16
    assert set(counts().values()) == {5}
    skipped = done(made("same", called="again"), per_problem=3, duplicates="skip")
    assert skipped.state == "succeeded"
    assert skipped.counters["stored"] == 0
    with transaction() as db:
        items = db.scalars(select(SamplingItem).where(SamplingItem.sampling_run_id == skipped.id)).all()
    assert {each.state for each in items} == {"failed"}
    assert {each.error for each in items} == {"Only duplicates were sampled."}
    assert all(35 <= each.sample_count <= 38 for each in items)


def test_one_problem_that_cannot_be_asked_holds_up_no_other(made):
    run = done(made("half"), per_problem=2)
    assert (run.state, run.counters["stored"], run.counters["failed"]) == ("succeeded", 6, 3)
    assert errors(run) == ["The server returned 400: context too long"] * 3
    with transaction() as db:
        resume_run(db, run, None)
    gone_on(run.id)
    assert row(run.id).counters["failed"] == 6


NEVER = {
    "down": "The server returned 500: down (3 attempts)",
    "asleep": "did not respond within 0.3 s",
    "trickling": "did not respond within 0.3 s",
    "odd": "contains no text",
    "huge": "larger than 1 MiB",
    "elsewhere": "The server returned 302",
}


def test_a_server_that_never_works_ends_the_run_with_the_reason(made, monkeypatch):
    monkeypatch.setattr(openai_sampler, "LARGEST", 1 << 20)
    for model, says in NEVER.items():
        timeout = 0.3 if model in ("asleep", "trickling") else 10.0
        run = done(made(model, retries=2 if model == "down" else 0, timeout_s=timeout), per_problem=9)
        assert run.state == "failed", model
        assert says in run.error
        assert counts().total() == 0
        assert len(errors(run)) >= 9


def test_a_short_run_in_which_every_request_failed_has_failed(made):
    run = done(made("down", retries=0, samples_per_request=1, concurrency=1), per_problem=1)
    assert (run.state, run.counters["failed"]) == ("failed", 10)
    with transaction() as db:
        db.execute(text("DELETE FROM problem WHERE id > (SELECT min(id) FROM problem)"))
    run = done(made("down", called="again", retries=0), per_problem=1)
    assert (run.state, run.counters["failed"]) == ("failed", 3)
    assert run.error == "The server returned 500: down (1 attempts)"


def test_a_key_is_sent_and_shown_nowhere(made, api, monkeypatch):
    monkeypatch.setenv("STEPMARK_KEY_TEST", "sk-very-secret")
    run = done(made("locked", api_key_env="STEPMARK_KEY_TEST"), per_problem=1)
    assert api.seen()[0]["key"] == "Bearer sk-very-secret"
    assert run.state == "failed"
    assert run.error == "The server returned 401: Incorrect API key provided: [key]"
    assert len(api.seen()) <= 4  # not asked again and again
    monkeypatch.delenv("STEPMARK_KEY_TEST")
    again = done(made("steady", api_key_env="STEPMARK_KEY_TEST"), per_problem=1)
    assert (again.state, "has no STEPMARK_KEY_TEST" in again.error) == ("failed", True)


def test_what_comes_is_taken_as_it_is(made, api):
    """Hostile text as text, empty text not at all, and one at a time until there are enough."""
    run = done(made("hostile"), per_problem=1)
    assert (run.state, run.counters["stored"]) == ("succeeded", 4)
    with transaction() as db:
        one = db.scalars(select(Solution).limit(1)).one()
    assert one.steps[0].startswith("<script>alert(1)</script>")
    assert "\0" not in one.steps[0]
    assert one.final_answer == "5"
    run = done(made("empty"), per_problem=2)
    assert (run.state, run.counters["stored"]) == ("succeeded", 0)
    assert set(errors(run)) == {"The text is empty."}
    run = done(made("single"), per_problem=3)
    assert run.counters["stored"] == 12
    assert set(counts().values()) == {4}


def test_cancelled_its_process_is_gone_and_what_was_sampled_stays(made):
    run_id = started(made("slow", samples_per_request=1, concurrency=2), per_problem=500)
    job = threading.Thread(target=run_in_subprocess, args=(runs.KIND, run_id))
    job.start()
    until(lambda: row(run_id).counters.get("stored", 0) > 0, "the first solutions")
    with transaction() as db:
        cancel_run(db, row(run_id), None)
    job.join(LONG)
    assert not job.is_alive()
    there = counts().total()
    assert 0 < there < 2000
    assert row(run_id).state == "cancelled"
    with pytest.raises(Conflict), transaction() as db:
        cancel_run(db, row(run_id), None)


def test_a_run_whose_worker_died_is_taken_up_again(made):
    run_id = started(made(), per_problem=1)
    with transaction() as db:
        db.execute(text("DELETE FROM procrastinate_jobs"))
        assert start_attempt(db, run_id, SamplingRun)
        db.execute(text("UPDATE run SET heartbeat_at = now() - interval '2 minutes'"))
        recover_stale_runs(db)
    again = row(run_id)
    assert (again.state, again.error) == ("queued", "The sampling process is gone.")
    assert gone_on(run_id).state == "succeeded"


def test_a_trial_shows_one_sample_and_keeps_none(made):
    run = done(made(), purpose="trial")
    assert run.state == "succeeded"
    assert run.progress["trial"]["steps"][-1].startswith("\\boxed{")
    assert counts().total() == 0


def test_test_problems_are_sampled_for_by_themselves(db, api):
    project = factories.project(db)
    sums(db, project, 2)
    tests = factories.problem(db, project, "What is 9 + 9?", "18", split="test", subject="sums", level="1")
    asked = generator(db, project, api)
    preview = pool_sampling.preview_plan(db, asked, pool_sampling.parse_plan({"per_problem": 3}))
    assert (preview.problems, preview.incomplete, preview.missing) == (2, 2, 6)
    only = {"per_problem": 3, "splits": ["test"], "subject": "sums"}
    assert pool_sampling.preview_plan(db, asked, pool_sampling.parse_plan(only)).missing == 3
    with pytest.raises(Invalid, match="cannot be combined"):
        pool_sampling.parse_plan({"splits": ["train", "test"]})
    for wrong in (
        {"per_problem": 0},
        {"count_from": "x"},
        {"duplicates": 3},
        {"splits": ["x"]},
        {"x": 1},
        {"level": 3},
    ):
        with pytest.raises(Invalid):
            pool_sampling.parse_plan(wrong)
    run = runs.start(db, asked, "pool", only, None)
    assert db.scalars(
        select(SamplingItem.problem_id).where(SamplingItem.sampling_run_id == run.id)
    ).all() == [tests.id]
    trial = runs.start(db, asked, "trial", {}, None)
    drawn = db.scalars(select(SamplingItem.problem_id).where(SamplingItem.sampling_run_id == trial.id)).one()
    assert db.get_one(Problem, drawn).split == "train"


def test_a_worker_that_is_killed_leaves_its_samples_and_its_process_finishes(made):
    run_id = started(made("slow", samples_per_request=2), per_problem=10)
    worker = subprocess.Popen([sys.executable, "-m", "app.cli", "worker"], cwd=supervisor.ROOT)
    try:
        until(lambda: row(run_id).counters["stored"] > 0, "the worker to begin")
    finally:
        worker.kill()
        worker.wait()
    assert row(run_id).state == "running"
    until(lambda: row(run_id).state == "succeeded", "the sampling to end")
    assert set(counts().values()) == {10}
    run_in_subprocess(runs.KIND, run_id)  # the job again, as the sweep has it done: nothing is left to do
    assert row(run_id).counters["stored"] == 40
