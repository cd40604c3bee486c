"""Whether a decision is called blind depends on what its adjudicator had seen; and what they, or the
labeler's page, send back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.labeling import claims
from app.labeling.models import Assignment, LabelExposure, SubmissionReturn
from app.quality.models import Adjudication
from tests.factories import base as factories
from tests.factories.quality import NOW, label_solution, solution

SENT = {"step-0": "1", "step-1": "1", "step-2": "-1", "reason": "The last line does not follow."}


class Split:
    """Ann found an error that Bo did not; a researcher looks at it."""

    def __init__(self, db: Session, web: TestClient) -> None:
        self.db, self.web = db, web
        self.project = factories.project(db, overlap=2)
        self.solution = solution(db, self.project)
        factories.task(db, self.solution, overlap=3)
        self.people = [
            factories.member(db, self.project, who=factories.user(db, name=n)) for n in ("Ann", "Bo")
        ]
        for who, first_error in zip(self.people, (0, -1), strict=True):
            label_solution(db, self.project, claims.claim_assignment(db, self.project, who, NOW), first_error)
        self.boss = factories.member(db, self.project, "researcher")
        factories.sign_in(web, db, self.boss)
        self.home = f"/projects/{self.project.slug}"
        self.page = f"{self.home}/quality/solutions/{self.solution.id}"
        self.anns = db.scalar(select(Assignment).where(Assignment.user_id == self.people[0].id))

    def decided(self) -> Adjudication:
        assert self.web.post(f"{self.page}/adjudication", data=SENT).status_code == 303
        decision = self.db.scalar(select(Adjudication))
        assert decision
        return decision


@pytest.fixture
def split(db: Session, web: TestClient) -> Split:
    return Split(db, web)


def test_who_saw_nothing_decides_blind(split: Split) -> None:
    assert "Decide (blind)" in split.web.get(split.page).text
    assert split.decided().exposure == "none"
    assert "decided blind" in split.web.get(split.page).text


@pytest.mark.parametrize("where", ["/assignments/{anns}", "/solutions/{it}", "api"])
def test_labels_opened_elsewhere_are_known_of(split: Split, where: str) -> None:
    path = f"/api/v1{split.home}/solutions/{split.solution.id}" if where == "api" else split.home + where
    assert split.web.get(path.format(anns=split.anns.id, it=split.solution.id)).status_code == 200
    page = split.web.get(split.page).text
    assert "You opened its labels on another page" in page
    assert "Ann" not in page, "they stay hidden here"
    assert split.decided().exposure == "page"
    assert "decided after opening its labels on another page" in split.web.get(split.page).text


def test_shown_when_asked_with_what_was_said_before(split: Split) -> None:
    sent = {"step-0": "0"}
    assert split.web.post(f"{split.page}/labels", data=sent).status_code == 303
    page = split.web.get(split.page).text
    assert "Ann" in page
    assert "<h2>Labels</h2>" in page
    assert re.search(r'name="step-0"\s+value="0" checked>', page), "what was rated stays in the form"
    assert "Decide (blind)" not in page
    assert split.decided().exposure == "reveal"
    page = split.web.get(split.page).text
    assert "decided with the labels revealed" in page
    assert "Your ratings before the reveal" in page
    seen = split.db.scalar(select(LabelExposure))
    assert (seen.via, seen.ratings_before) == ("reveal", [0])


def test_asking_for_them_after_a_look_elsewhere_opens_them_too(split: Split) -> None:
    split.web.get(f"{split.home}/assignments/{split.anns.id}")
    split.web.post(f"{split.page}/labels", data={"step-0": "1"})
    assert "Ann" in split.web.get(split.page).text
    assert split.decided().exposure == "reveal"


def test_who_judged_it_is_not_blind(split: Split) -> None:
    label_solution(
        split.db, split.project, claims.claim_assignment(split.db, split.project, split.boss, NOW), -1
    )
    assert "You labeled this solution" in split.web.get(split.page).text
    assert split.decided().exposure == "own"


def test_a_look_where_nobody_has_judged_is_no_look_at_labels(split: Split) -> None:
    other = solution(split.db, split.project)
    split.web.get(f"{split.home}/solutions/{other.id}")
    assert split.db.get(LabelExposure, (other.id, split.boss.id)) is None


def returned(split: Split, **sent: Any) -> Any:
    form = {"assignment": split.anns.id, "reason": "Look at step 1 again.", **sent}
    return split.web.post(f"{split.home}/quality/returns", data=form)


def test_a_judgement_goes_back_from_where_it_is_seen(split: Split) -> None:
    assert "Return" not in split.web.get(split.page).text, "hidden like the labels"
    split.decided()
    assert "Reason for returning it to Ann" in split.web.get(split.page).text
    done = returned(split)
    assert (done.status_code, done.headers["location"]) == (303, split.page)
    submission_return = split.db.scalar(select(SubmissionReturn))
    assert (submission_return.assignment_id, submission_return.reason, submission_return.returned_by) == (
        split.anns.id, "Look at step 1 again.", split.boss.id,
    )  # fmt: skip
    page = split.web.get(split.page).text
    assert "Returned to Ann, not resubmitted yet" in page
    assert "Reason for returning it to Ann" not in page
    assert "Reason for returning it to Bo" in page


def test_and_from_the_labelers_page(split: Split) -> None:
    labeler = f"{split.home}/quality/labelers/{split.people[0].id}"
    page = split.web.get(labeler).text
    assert "Newest submissions" in page
    assert "Reason for returning it to Ann" in page
    done = returned(split, to="labeler")
    assert (done.status_code, done.headers["location"]) == (303, labeler)
    assert "Returned. The labeler gets it next." in split.web.get(labeler).text
    again = returned(split, to="labeler")
    assert again.status_code == 303
    assert "already returned" in split.web.get(labeler).text
    assert len(split.db.scalars(select(SubmissionReturn)).all()) == 1


def test_nothing_of_another_project_goes_back(split: Split) -> None:
    other = factories.project(split.db)
    factories.member(split.db, other, "researcher", split.boss)
    form = {"assignment": split.anns.id, "reason": "Mine?"}
    done = split.web.post(f"/projects/{other.slug}/quality/returns", data=form)
    assert done.status_code == 404
    assert split.db.scalar(select(SubmissionReturn)) is None
