"""From two labelers who disagree to a decision, a snapshot and a gold task, over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.labeling import claims
from app.labeling.models import ControlAnswer
from app.quality.models import Adjudication
from app.training import snapshots
from app.training.models import SnapshotItem
from tests.factories import base as factories
from tests.factories.quality import NOW, label_solution, solution
from tests.markup import collapse


def test_a_disagreement_is_decided_blind_and_the_decision_counts(db: Session, web: TestClient) -> None:
    project = factories.project(db, overlap=2)
    disputed = solution(db, project)
    factories.task(db, disputed, overlap=2)
    people = [
        factories.member(db, project, "labeler", factories.user(db, name=name)) for name in ("Ann", "Bo")
    ]
    for who, first_error in zip(people, (0, -1), strict=True):
        label_solution(db, project, claims.claim_assignment(db, project, who, NOW), first_error)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    base = f"/projects/{project.slug}/quality"
    assert "Labelers disagree" in web.get(f"{base}/adjudications").text
    assert '<p class="figure">1</p>' in web.get(base).text
    assert "Adjudication queue is empty" in web.get(f"{base}/adjudications?reason=flagged").text
    page = web.get(f"{base}/solutions/{disputed.id}").text
    assert "Ann" not in page and "Bo<" not in page, "blind until decided"  # noqa: PT018

    bad = web.post(f"{base}/solutions/{disputed.id}/adjudication", data={"step-0": "1", "reason": "x"})
    assert bad.status_code == 422
    assert "Step 2 is not rated" in bad.text
    sent = {"step-0": "1", "step-1": "1", "step-2": "-1", "reason": "The last line does not follow."}
    assert web.post(f"{base}/solutions/{disputed.id}/adjudication", data=sent).status_code == 303
    page = web.get(f"{base}/solutions/{disputed.id}").text
    assert "Ann" in page
    assert "The last line does not follow." in page
    assert db.scalar(select(Adjudication)).queue_reasons["disagreement"] is True
    assert web.post(f"{base}/solutions/{disputed.id}/adjudication", data=sent).status_code == 409

    snapshot = snapshots.create_snapshot(db, project.id, {}, None)
    item = db.scalar(select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot.id))
    assert item.targets == [1, 1, -1]
    assert snapshot.counts["adjudicated"] == 3
    assert len(item.assignment_ids) == 2, "the originals stay named"

    assert web.post(f"{base}/solutions/{disputed.id}/gold").status_code == 303
    assert db.scalar(select(ControlAnswer)).ratings == [1, 1, -1]


def test_every_page_empty_and_full(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    admin = factories.member(db, project, "admin")
    factories.sign_in(web, db, admin)
    base = f"/projects/{project.slug}/quality"
    for page in ("", "/adjudications", "/settings", f"/labelers/{admin.id}"):
        assert web.get(base + page).status_code == 200
    for number in range(6):
        labeled = solution(db, project)
        factories.task(db, labeled, overlap=2)
        people = [admin, factories.member(db, project)]
        for who in people:
            label_solution(db, project, claims.claim_assignment(db, project, who, NOW), number % 3 - 1)
    for page in ("", "/adjudications", f"/labelers/{admin.id}"):
        assert web.get(base + page).status_code == 200
    policy = {"overlap": 3, "overlap_share": 10, "screening_threshold": 70, "gold_rate": 5,
              "gold_threshold": 60, "gold_window": 12, "gold_feedback": "true"}  # fmt: skip
    assert web.post(f"{base}/settings", data=policy).status_code == 303
    db.refresh(project)
    assert (project.overlap_share, project.gold_rate, project.gold_window) == (0.1, 0.05, 12)
    assert project.gold_feedback is True


def test_what_is_empty_says_what_to_do(db: Session, web: TestClient) -> None:
    project = factories.project(db, gold_rate=0.1, screening_threshold=0.5)
    people = {role: factories.member(db, project, role) for role in ("researcher", "admin")}
    base = f"/projects/{project.slug}/quality"
    for role, who in people.items():
        factories.sign_in(web, db, who)
        first = web.get(base).text
        assert "No submissions yet" in first
        assert (f"{base}/settings" in first) == (role == "admin"), "no way that ends before a closed door"
        queue_page = web.get(f"{base}/adjudications").text
        assert "Every task goes to one labeler" in queue_page
        assert (f"{base}/settings" in queue_page) == (role == "admin")
    policy = web.get(f"{base}/settings").text
    assert "so no labeler is screened" in policy
    assert "There are no gold tasks. Create some below." in policy
    assert "None are left." in policy
    labeled = solution(db, project, 1)
    assert "1 unused solution with known ratings" in collapse(web.get(f"{base}/settings").text)
    sent = {"kind": "gold", "count": "5"}
    assert web.post(f"{base}/control-tasks", data=sent).status_code == 303
    policy = web.get(f"{base}/settings").text
    assert "None are left." in policy
    assert "There are no gold tasks" not in policy
    assert web.get(f"{base}/solutions/{labeled.id}").status_code == 200


def test_the_addresses_before_the_renaming_redirect(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    base = f"/projects/{project.slug}/quality"
    former = {
        "/policy": "/settings",
        "/shared": "/agreement/solutions",
        "/shared?labeler=3&other=4": "/agreement/solutions?labeler=3&other=4",
    }
    for path, target in former.items():
        answer = web.get(base + path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, base + target)
