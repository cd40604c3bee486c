"""Training runs, models and snapshots, as a researcher and a program see them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.prm.encoding import Encoder, encode_examples, train_tokenizer
from app.prm.examples import Example
from app.training import runs, snapshots
from app.training.models import Model, TrainingPoint, TrainingRun
from tests.factories import base as factories
from tests.factories import selection as loop


@pytest.fixture
def project(db, web):
    project = factories.project(db, "Training pages")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    who = factories.member(db, project)
    problem = factories.problem(db, project, "Is <b>1 < 2</b>?")
    solution = factories.solution(db, problem, ("<script>alert(1)</script>", "Second.", "# Answer\n\n4"))
    loop.labeled(db, factories.task(db, solution), who, [1, 0, -1])
    return project


@pytest.fixture
def run(db, project):
    snapshot = snapshots.create_snapshot(db, project.id, {}, None)
    return runs.start(db, project.id, snapshot.id, {"size": "tiny"}, None)


def page(web, path):
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    return answer.text


def test_empty_project_says_what_to_do(db, web):
    empty = factories.project(db, "Nothing yet")
    factories.sign_in(web, db, factories.member(db, empty, "researcher"))
    assert "No training runs yet" in page(web, "/projects/nothing-yet/training-runs")
    assert "No models yet" in page(web, "/projects/nothing-yet/models")
    refused = web.post("/projects/nothing-yet/training-runs", data={"size": "tiny", "epochs": "1"})
    assert refused.status_code == 422
    assert "No labels match" in refused.text
    assert db.scalar(select(TrainingRun.id).where(TrainingRun.project_id == empty.id)) is None


def test_started_from_the_page_and_cancelled_there(db, web, project):
    sent = web.post("/projects/training-pages/training-runs", data={"size": "tiny", "epochs": "2"})
    assert sent.status_code == 303
    run = db.scalars(select(TrainingRun).where(TrainingRun.project_id == project.id)).one()
    assert (run.state, run.config["size"], run.config["epochs"]) == ("queued", "tiny", 2.0)
    shown = page(web, sent.headers["location"])
    assert "Waiting for a worker" in shown
    assert "The run first creates a snapshot of the labels." in shown
    assert "The curve starts with the first steps." in shown
    assert f'hx-get="/projects/training-pages/training-runs/{run.id}/progress"' in shown
    path = f"/projects/training-pages/training-runs/{run.id}"
    assert web.post(f"{path}/cancellation").status_code == 303
    assert web.get(f"{path}/progress").headers["HX-Refresh"] == "true"
    assert "Training cancelled" in page(web, path)
    assert "Loss</h2>" not in page(web, path), "it has no curve and gets none"
    assert web.post(f"{path}/cancellation").status_code == 409
    assert web.post(f"{path}/resumption").status_code == 303
    db.refresh(run)
    assert run.state == "queued"


def test_rate_and_length_are_fields_of_the_form(db, web, project):
    fields = {"size": "tiny", "epochs": "1", "learning_rate": "2e-5", "max_length": "256"}
    assert web.post("/projects/training-pages/training-runs", data=fields).status_code == 303
    run = db.scalars(select(TrainingRun).where(TrainingRun.project_id == project.id)).one()
    assert (run.config["learning_rate"], run.config["max_length"]) == (2e-5, 256)


@pytest.mark.parametrize("option", [{"size": "huge"}, {"epochs": "-1"}, {"learning_rate": "fast"}])
def test_a_wrong_option_is_named_and_starts_nothing(db, web, project, option):
    answer = web.post(
        "/projects/training-pages/training-runs", data={"size": "tiny", "epochs": "1", **option}
    )
    assert answer.status_code == 422
    assert next(iter(option)) in answer.text
    assert db.scalar(select(TrainingRun.id).where(TrainingRun.project_id == project.id)) is None


def test_a_running_one_shows_how_it_goes(db, web, run):
    run.state, run.attempt = "running", 2
    run.error = "The training process was ended by SIGKILL.\nlast line of the log"
    run.progress = {
        "phase": "training",
        "step": 1200,
        "steps": 2400,
        "loss": 0.4321,
        "examples_per_s": 12.34,
        "seconds_left": 130.2,
    }
    for step, values in ((1, {"loss": 1.0}), (2, {"loss": 0.5, "validation_loss": 0.7})):
        db.add(TrainingPoint(training_run_id=run.id, step=step, metrics=values))
    db.flush()
    shown = page(web, f"/projects/training-pages/training-runs/{run.id}")
    for expected in ("1,200", "0.432", "12.3", "2 min", "SIGKILL", "last line of the log"):
        assert expected in shown
    curve = web.get(f"/projects/training-pages/training-runs/{run.id}/curve").json()
    assert curve == {"step": [1, 2], "loss": [1.0, 0.5], "validation_loss": [None, 0.7]}


def test_a_model_shows_its_metrics_and_where_it_comes_from(db, web, project, run):
    best = {"accuracy": 0.875, "always_positive": 0.5, "negative_auc": 0.912, "loss": 0.3, "steps": 40}
    model = Model(
        project_id=project.id,
        name="prm-one",
        path="1/run-1-1",
        weights_hash=b"\x12" * 32,
        config=run.config,
        metrics={"best": {**best, "step": 10}, "steps": 20},
        training_run_id=run.id,
        snapshot_id=run.snapshot_id,
    )
    db.add(model)
    run.state = "succeeded"
    db.flush()
    shown = page(web, f"/projects/training-pages/models/{model.id}")
    for expected in ("87.5%", "0.912", "12" * 32, f"/snapshots/{run.snapshot_id}"):
        assert expected in shown
    assert "prm-one" in page(web, "/projects/training-pages/models")
    assert "Open prm-one" in page(web, f"/projects/training-pages/training-runs/{run.id}")
    assert (
        web.get(f"/api/v1/projects/training-pages/models/{model.id}").json()["metrics"]["best"]["steps"] == 40
    )


def test_a_snapshot_shows_its_counts_and_chains_as_text(web, run):
    shown = page(web, f"/projects/training-pages/snapshots/{run.snapshot_id}")
    assert "&lt;script&gt;" in shown
    assert "neutral" in shown


def test_the_api_starts_shows_and_cancels(db, web, project):
    base = "/api/v1/projects/training-pages/training-runs"
    assert web.post(base, json={"trian": {}}).status_code == 422
    assert web.post(base, json={"snapshot_id": True}).status_code == 422
    assert web.post(base, json={"snapshot_id": 2**62}).status_code == 404
    started = web.post(base, json={"train": {"size": "tiny"}, "data": {"generations": [0]}})
    assert started.status_code == 201, started.text
    run = web.get(f"{base}/{started.json()['id']}").json()
    assert (run["state"], run["config"]["size"], run["curve"]["step"]) == ("queued", "tiny", [])
    assert (run["snapshot_id"], run["data"]["generations"]) == (None, [0])
    frozen = snapshots.create_snapshot(db, project.id, run["data"], None)
    snapshot = web.get(f"/api/v1/projects/training-pages/snapshots/{frozen.id}").json()
    assert (snapshot["counts"]["negative"], len(snapshot["hash"])) == (1, 64)
    assert web.post(f"{base}/{run['id']}/cancellation").json()["state"] == "cancelled"
    assert [listed["id"] for listed in web.get(base).json()["training_runs"]] == [run["id"]]


def test_another_projects_things_do_not_exist_here(db, web, run):
    other = factories.project(db, "Other one")
    factories.sign_in(web, db, factories.member(db, other, "researcher"))
    for path in (f"training-runs/{run.id}", f"training-runs/{run.id}/curve", f"snapshots/{run.snapshot_id}"):
        assert web.get(f"/projects/other-one/{path}").status_code == 404
        assert web.get(f"/projects/training-pages/{path}").status_code == 404
    assert web.post(f"/projects/other-one/training-runs/{run.id}/cancellation").status_code == 404


def test_labelers_are_kept_out(db, web, project, run):
    factories.sign_in(web, db, factories.member(db, project, "labeler"))
    assert web.get("/projects/training-pages/models").status_code == 403


def test_negative_labels_that_are_cut_off_are_a_warning(db, web, project, run):
    path = f"/projects/training-pages/training-runs/{run.id}"
    run.progress = {"lost": {"train": {"labels_cut": 5}, "validation": {"labels_cut": 1}}}
    db.flush()
    assert "cut off" not in page(web, path)
    run.progress = {"lost": {"train": {"labels_cut": 5, "negative_labels_cut": 1}}}
    db.flush()
    warning = (
        "1 negative label of training solutions is cut off, because the steps are beyond max_length"
        f" ({run.config['max_length']:,} tokens). Raise max_length to use them."
    )
    assert warning in page(web, path)
    assert web.get(f"/api/v1{path}").json()["warnings"] == [warning]


def test_negative_labels_that_are_cut_off_are_counted():
    encoder = Encoder(train_tokenizer(["7 that is right"], 300), 24)
    examples = [Example("p", ["7 that is right"] * 9, [1] * 7 + [0, -1]), Example("q", ["1"], [-1])]
    _, lost = encode_examples(encoder, examples)
    assert lost["negative_labels_cut"] == 1
    assert "negative_labels_cut" not in encode_examples(encoder, examples[1:])[1]
