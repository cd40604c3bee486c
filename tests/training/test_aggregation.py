"""Several labelers on a step: by name, frozen with the snapshot, shown on its pages. Dawid-Skene is
held against the example published with it."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.quality.models import Adjudication
from app.selection import rounds
from app.selection.config import parse
from app.training import snapshots
from app.training.aggregation import majority_rule, most_likely_rating
from app.training.dawid_skene import DawidSkeneFit, StepRatings, fit
from app.training.models import Snapshot, SnapshotItem
from tests.factories import base as factories
from tests.factories import selection as loop

# Dawid & Skene 1979, table 1: 45 patients, five anaesthetists, the first of whom judged three times
PATIENTS = """111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3
222 2 2 2 3|232 2 2 2 3|444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1
111 1 1 1 1|222 2 2 2 1|222 1 3 2 2|222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1
232 2 2 2 2|111 1 1 1 1|111 1 1 1 1|112 1 1 2 1|111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2
433 4 3 4 3|221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1|111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1
222 2 2 2 2"""


def patients() -> list[StepRatings]:
    rows = [row.split() for row in PATIENTS.replace("\n", "|").split("|")]
    return [
        tuple(sorted((who, int(rating)) for who, labels in enumerate(row, 1) for rating in labels))
        for row in rows
    ]


def test_it_is_the_published_one() -> None:
    """Their tables 2 (shares), 3 (the first observer) and 4 (the first six patients)."""
    seen = patients()
    assert len(seen) == 45
    model = fit(Counter((ratings, None) for ratings in seen), prior=0)
    assert model.shares == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    first = [[0.89, 0.11, 0.00, 0.00], [0.07, 0.88, 0.05, 0.00], [0.00, 0.34, 0.66, 0.00], [0, 0, 0.56, 0.44]]
    assert model.rates[1] == [pytest.approx(row, abs=0.005) for row in first]
    surely = [max(chances, key=lambda rating: chances[rating]) for chances in map(model.posterior, seen[:6])]
    assert surely == [1, 4, 2, 2, 2, 2]
    assert all(max(model.posterior(ratings).values()) > 0.995 for ratings in seen[:6])


def crowd(steps: int = 1500, seed: int = 3) -> tuple[list[int], list[StepRatings]]:
    """Made data: two who see well, three who call two thirds of what is wrong right."""
    chance = random.Random(seed)  # noqa: S311
    misses = {1: 0.03, 2: 0.03, 3: 0.66, 4: 0.66, 5: 0.66}
    truth = [chance.choice((1, 1, 1, -1)) for _ in range(steps)]
    ratings = [
        tuple(
            (who, -true if true == -1 and chance.random() < misses[who] else true) for who in sorted(misses)
        )
        for true in truth
    ]
    return truth, ratings


def share(truth: list[int], guesses: list[int | None]) -> float:
    return sum(value == other for value, other in zip(truth, guesses, strict=True)) / len(truth)


def test_it_finds_out_whom_to_believe() -> None:
    truth, ratings = crowd()
    model = fit(Counter((row, None) for row in ratings))
    by_vote = share(truth, [majority_rule(row) for row in ratings])
    assert share(truth, [most_likely_rating(model, row) for row in ratings]) > by_vote + 0.05
    noticed = {who: rates[0][0] for who, rates in model.rates.items()}
    assert min(noticed[1], noticed[2]) > 0.9
    assert max(noticed[3], noticed[4], noticed[5]) < 0.5


def test_known_steps_teach_who_is_right() -> None:
    """Two against one, always: votes believe the two. Ten steps whose rating is known turn that."""
    open_ones: Counter[Any] = Counter(
        {(((1, -1), (2, 1), (3, 1)), None): 40, (((1, 1), (2, 1), (3, 1)), None): 60}
    )
    against: StepRatings = ((1, -1), (2, 1), (3, 1))
    assert most_likely_rating(fit(open_ones), against) == 1
    gold = Counter({(against, -1): 10})
    assert most_likely_rating(fit(open_ones + gold), against) == -1


def test_order_does_not_matter_and_the_same_comes_out() -> None:
    _, ratings = crowd(300)
    forward = fit(Counter((row, None) for row in ratings))
    other = fit(Counter((row, None) for row in reversed(ratings)))
    assert forward == other


def test_who_agrees_is_never_overruled() -> None:
    """Even where the fit holds both for liars."""
    liars = DawidSkeneFit(
        [-1, 1], [0.99, 0.01], {1: [[0.01, 0.99], [0.99, 0.01]], 2: [[0.01, 0.99], [0.99, 0.01]]}, 1
    )
    assert most_likely_rating(liars, ((1, 1), (2, 1))) == 1
    assert most_likely_rating(liars, ((1, -1),)) == -1
    assert most_likely_rating(liars, ()) is None
    even = DawidSkeneFit([-1, 1], [0.5, 0.5], {1: [[0.8, 0.2], [0.2, 0.8]], 2: [[0.8, 0.2], [0.2, 0.8]]}, 1)
    assert most_likely_rating(even, ((1, 1), (2, -1))) is None, "as likely as not: dropped"
    assert most_likely_rating(even, ((1, 1), (2, -1), (77, -1))) is None, (
        "whoever the fit has not met says nothing"
    )


def differing(db: Session) -> Any:
    """Two careful people and two who see no error, on twelve solutions; two people on the last one."""
    project = factories.project(db)
    people = [factories.member(db, project) for _ in range(4)]
    for number in range(12):
        steps = tuple(f"{number}, {step}" for step in "abc")
        solution = factories.solution(db, factories.problem(db, project, f"Problem {number}"), steps)
        task = factories.task(db, solution, overlap=9)
        wrong = number % 2 == 0
        for at, who in enumerate(people):
            if number == 10 and at in (0, 3):
                continue
            sees = wrong and (at < 2 or number < 4)
            loop.labeled(db, task, who, [1, -1] if sees else [1, 1, 1])
    return project


def frozen(db: Session, project: Any, **definition: Any) -> tuple[Snapshot, dict[str, list[int | None]]]:
    snapshot = snapshots.create_snapshot(db, project.id, {"held_out": 0, **definition}, None)
    items = db.scalars(select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot.id))
    return snapshot, {item.steps[0][:-3]: item.targets for item in items}


def test_a_snapshot_keeps_the_name_and_says_what_became_different(db: Session) -> None:
    project = differing(db)
    plain, by_vote = frozen(db, project)
    assert plain.definition["aggregation"] == "majority"
    assert plain.counts["dropped"] == {"undecided": 4}
    assert "settled" not in plain.counts
    assert by_vote["4"] == [1, None, 1], "two against two: dropped; who went on rated the last"
    weighed, by_weight = frozen(db, project, aggregation="dawid_skene")
    assert weighed.definition["aggregation"] == "dawid_skene"
    assert by_weight["4"] == by_weight["6"] == by_weight["8"] == [1, -1]
    assert by_weight["10"] == [1, -1]
    assert weighed.counts["settled"] == 4
    assert weighed.counts["dropped"] == {"undecided": 0}
    agreed = [number for number in by_vote if number not in ("4", "6", "8", "10")]
    assert all(by_vote[number] == by_weight[number] for number in agreed), "where all agree nothing changes"
    assert weighed.hash != plain.hash
    assert frozen(db, project, aggregation="dawid_skene")[0].hash == weighed.hash


def test_an_adjudicated_label_wins_all_the_same(db: Session) -> None:
    project = differing(db)
    frozen(db, project)
    item = db.scalars(select(SnapshotItem).where(SnapshotItem.steps[1] == "4, a")).one()
    by = factories.user(db)
    db.add(
        Adjudication(
            project_id=project.id, solution_id=item.solution_id, ratings=[1, 1, 1], reason="It is right.",
            decided_by=by.id, queue_reasons={},
        )
    )  # fmt: skip
    db.flush()
    snapshot, targets = frozen(db, project, aggregation="dawid_skene")
    assert targets["4"] == [1, 1, 1]
    assert snapshot.counts["adjudicated"] == 3


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"aggregation": "mean"}, "aggregation"),
        ({"aggregation": None}, "aggregation"),
        ({"aggregation": ["majority"]}, "aggregation"),
        ({"aggregation": "dawid_skene", "source": "verdicts"}, "labels of people"),
    ],
)
def test_what_is_no_aggregation(db: Session, definition: dict[str, Any], message: str) -> None:
    project = differing(db)
    with pytest.raises(Invalid, match=message) as refused:
        snapshots.create_snapshot(db, project.id, definition, None)
    assert refused.value.remedy
    with pytest.raises(Invalid, match=message):
        rounds.start(db, project, parse({"data": definition}), None)


def test_pages_and_api_offer_it_and_say_it(web: TestClient, db: Session) -> None:
    project = differing(db)
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    home = f"/projects/{project.slug}"
    assert "Dawid–Skene" in web.get(f"{home}/training-runs").text
    sent = {"aggregation": "dawid_skene", "size": "tiny"}
    assert web.post(f"{home}/training-runs", data=sent).status_code == 303
    [run] = web.get(f"/api/v1{home}/training-runs").json()["training_runs"]
    assert (run["snapshot_id"], run["data"]["aggregation"]) == (None, "dawid_skene")
    page = web.get(f"{home}/training-runs/{run['id']}").text
    assert "estimated reliability" in page
    assert "Estimating the labelers’ reliability" in page
    snapshot = snapshots.create_snapshot(db, project.id, run["data"], None)  # as its process does
    page = web.get(f"{home}/snapshots/{snapshot.id}").text
    assert "estimated reliability (Dawid–Skene)" in page
    assert "the rating of 0 steps changed, and 4 without a majority got a rating" in " ".join(page.split())
    assert web.post(f"{home}/training-runs", data={"aggregation": "mean"}).status_code == 422

    plain = web.post(f"/api/v1{home}/training-runs", json={"data": {}, "train": {"size": "tiny"}})
    assert plain.status_code == 201
    snapshot = snapshots.create_snapshot(db, project.id, plain.json()["data"], None)
    page = web.get(f"{home}/snapshots/{snapshot.id}").text
    assert "the rating of more than half of the labelers" in page
    assert "Dropped 4 steps without a majority" in " ".join(page.split())
    payload = {"data": {"aggregation": "dawid_skene"}, "train": {"size": "tiny"}}
    weighed = web.post(f"/api/v1{home}/training-runs", json=payload).json()["data"]
    snapshot = snapshots.create_snapshot(db, project.id, weighed, None)
    response = web.get(f"/api/v1{home}/snapshots/{snapshot.id}").json()
    assert response["definition"]["aggregation"] == "dawid_skene"
    assert response["counts"]["settled"] == 4


def test_a_round_is_told_by_form_and_command(web: TestClient, db: Session) -> None:
    project = differing(db)
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    page = web.get(f"/projects/{project.slug}/rounds/new").text
    assert 'name="aggregation"' in page
    refused = web.post(f"/projects/{project.slug}/rounds", data={"aggregation": "mean"})
    assert refused.status_code == 422
    assert (
        web.post(f"/projects/{project.slug}/rounds", data={"aggregation": "dawid_skene"}).status_code == 303
    )
    assert rounds.latest(db, project.id).config["data"]["aggregation"] == "dawid_skene"
