"""The walks of the modes with candidates, from the import to the exported row."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.alternative_parser import parse_alternatives
from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
from app.exchange.json_decoding import RecordError
from app.labeling.models import StepLabel
from app.problems.models import Alternative
from tests.factories import base as factories

TREE = [
    ["2 + 2 = 5", {"text": "Two and two make four.", "next": ["So it is four.", "So it is five."]}],
    ["# Answer\n\n5"],
]


class Desk:
    def __init__(self, web: TestClient, db: Session, mode: str) -> None:
        self.web, self.db = web, db
        self.project = factories.project(db, mode=mode)
        factories.sign_in(web, db, factories.member(db, self.project))
        solution = factories.solution(db, factories.problem(db, self.project))
        for alternative in parse_alternatives(TREE, 2):
            db.add(
                Alternative(
                    solution_id=solution.id, position=alternative.position, candidate=alternative.candidate,
                    prefix=list(alternative.prefix), text=alternative.text,
                )
            )  # fmt: skip
        factories.task(db, solution)
        self.base = f"/projects/{self.project.slug}"
        self.sheet = web.post(f"{self.base}/assignments", headers={"Accept": "application/json"}).json()
        self.id = self.sheet["assignment"]["id"]

    def say(self, position: int, candidate: int = 0, **act: object) -> int:
        event = {"id": str(uuid4()), "position": position, "candidate": candidate, **act}
        answer = self.web.post(f"{self.base}/assignments/{self.id}/ratings", json={"events": [event]})
        self.answer = answer.json()
        return answer.status_code

    def submit(self, reason: str) -> int:
        path = f"{self.base}/assignments/{self.id}/submission"
        return self.web.post(path, json={"finish_reason": reason}).status_code

    def row(self) -> dict:  # type: ignore[type-arg]
        self.db.flush()
        [line] = b"".join(FORMAT.rows(self.db, self.project.id, Prm800kParameters())).splitlines()
        record: dict = json.loads(line)  # type: ignore[type-arg]
        return record


def test_alternatives_all_are_rated_and_one_is_chosen(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "alternatives")
    assert [(item["position"], item["prefix"]) for item in desk.sheet["alternatives"]] == [
        (0, []), (0, []), (1, [2]), (1, [2]), (1, [0]),
    ]  # fmt: skip
    assert desk.say(0, 0, rating=0) == 200
    assert desk.say(1, 0, rating=1) == 409  # nothing is chosen before it
    assert desk.say(0, 1, rating=-1) == 200
    assert desk.submit("solution") == 422
    assert desk.say(0, 2, rating=1) == 200
    assert desk.say(0, 2, chosen=True) == 200
    assert desk.say(1, 3, rating=1) == 409  # prepared behind another candidate
    assert desk.say(1, 1, rating=1) == 200
    assert desk.say(1, 2, rating=-1) == 200
    assert desk.say(1, 1, chosen=True) == 200
    assert desk.submit("found_error") == 422
    assert desk.submit("solution") == 200
    row = desk.row()
    assert "pre_generated_steps" not in row["question"]  # a row of phase 1
    first, second = row["label"]["steps"]
    assert [(completion["text"], completion["rating"]) for completion in first["completions"]] == [
        ("2 + 2 = 4", 0), ("2 + 2 = 5", -1), ("Two and two make four.", 1),
    ]  # fmt: skip
    assert first["chosen_completion"] == 2
    assert [completion["text"] for completion in second["completions"]] == [
        "So it is four.",
        "So it is five.",
    ]
    assert second["chosen_completion"] == 0


def test_all_negative_the_labeler_may_write_the_step(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "alternatives")
    for candidate in (0, 1, 2):
        assert desk.say(0, candidate, rating=-1) == 200
    assert desk.say(0, human_text="2 + 2 = 4, as counting shows.") == 200
    assert desk.submit("solution") == 422
    assert desk.submit("found_error") == 200
    [step] = desk.row()["label"]["steps"]
    assert step["chosen_completion"] is None
    assert step["human_completion"]["text"] == "2 + 2 = 4, as counting shows."


def test_the_page_of_a_judgement_shows_candidates_choices_and_written_steps(
    web: TestClient, db: Session
) -> None:
    desk = Desk(web, db, "alternatives")
    for candidate, rating in enumerate((0, -1, 1)):
        desk.say(0, candidate, rating=rating)
    desk.say(0, 2, chosen=True)
    for candidate in (1, 2):
        desk.say(1, candidate, rating=-1)
    desk.say(1, human_text="So it is <four>.")
    expected = [
        ("1", "2 + 2 = 4", "Neutral"), ("or", "2 + 2 = 5", "Negative"),
        ("or", "Two and two make four.", "Positive, chosen"),
        ("2", "So it is four.", "Negative"), ("or", "So it is five.", "Negative"),
        ("or", "So it is &lt;four&gt;.", "written"),
    ]  # fmt: skip
    for _ in ("on the desk", "submitted"):
        page = web.get(f"{desk.base}/assignments/{desk.id}", headers={"Accept": "text/html"}).text
        lines = [re.sub(r"<(?!/li)[^>]*>", "|", item) for item in page.split("<li ")[1:]]
        cells = [
            [cell.strip() for cell in line.split("</li>")[0].split("|") if cell.strip()] for line in lines
        ]
        assert [(row[1], row[2], row[3]) for row in cells if len(row) > 3] == expected
        desk.submit("found_error")
    assert page.count("Add a note") == 5  # one for each candidate, none for the written step


def test_a_choice_that_turns_wrong_holds_no_more(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "alternatives")
    for candidate in (0, 1, 2):
        desk.say(0, candidate, rating=1)
    desk.say(0, 0, chosen=True)
    assert desk.say(1, 0, rating=1) == 200
    assert desk.say(0, 0, rating=-1) == 200
    assert desk.say(1, 3, rating=1) == 409
    assert desk.say(0, 1, chosen=True) == 200  # nothing is prepared behind it: the walk ends
    assert desk.submit("solution") == 200


def test_candidates_after_the_first_mistake(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "first_error")
    assert desk.say(0, 1, rating=1) == 409
    assert desk.say(0, 0, rating=-1) == 200
    assert desk.say(0, 2, rating=1) == 200
    assert desk.say(1, 3, rating=1) == 409
    assert desk.say(0, 0, chosen=True) == 422
    assert desk.submit("found_error") == 200
    [label] = db.scalars(select(StepLabel))
    assert label.texts == ["2 + 2 = 4", "Two and two make four."]
    assert (label.ratings, label.chosen) == ([-1, 1], None)


def test_every_step_is_judged_behind_errors_too(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "every_step")
    assert desk.say(1, rating=1) == 200
    assert desk.submit("found_error") == 422
    assert desk.say(0, rating=-1) == 200
    assert desk.submit("solution") == 422
    assert desk.submit("found_error") == 200
    assert db.scalars(select(StepLabel.ratings).order_by(StepLabel.position)).all() == [[-1], [1]]


@pytest.mark.parametrize("bad", ["no", [3], [[3]], [[""]], [[{"text": "a", "next": "b"}]], [[], [], [], []]])
def test_bad_alternatives_are_refused(bad: object) -> None:
    with pytest.raises(RecordError):
        parse_alternatives(bad, 2)


def test_notes_stand_at_their_candidate(web: TestClient, db: Session) -> None:
    desk = Desk(web, db, "alternatives")
    page = f"{desk.base}/assignments/{desk.id}"
    for at, candidate, note_text in ((0, 0, "Of the own step"), (0, 2, "Of the second candidate")):
        note = {"position": at, "candidate": candidate, "text": note_text}
        assert web.post(f"{page}/notes", json=note).status_code == 200
    assert web.post(f"{page}/notes", json={"position": 0, "candidate": 9, "text": "x"}).status_code == 422
    for candidate, rating in ((0, -1), (1, -1), (2, 1)):
        assert desk.say(0, candidate, rating=rating) == 200
    assert desk.say(0, 2, chosen=True) == 200
    for candidate in (1, 2):
        assert desk.say(1, candidate, rating=-1) == 200
    assert desk.submit("found_error") == 200
    noted = web.get(page, headers={"Accept": "application/json"}).json()["notes"]
    assert [(note["candidate"], note["text"]) for note in noted] == [
        (0, "Of the own step"),
        (2, "Of the second candidate"),
    ]
    steps = re.findall(r'<li class="step.*?</li>', web.get(page).text, re.DOTALL)
    assert [("Of the own step" in step, "Of the second candidate" in step) for step in steps] == [
        (True, False), (False, False), (False, True), (False, False), (False, False),
    ]  # fmt: skip
    assert 'name="candidate" value="2"' in steps[2]
