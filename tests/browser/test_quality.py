"""Pages of quality and of members in a browser: figures arrive by themselves, forms fit a phone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from playwright.sync_api import Browser, expect
from sqlalchemy import select

from app.accounts.access import cookie_name
from app.core.db import transaction
from app.labeling import claims
from app.projects.models import Project
from app.quality import agreement_job, agreement_report
from app.quality.models import AgreementReport
from tests.browser.conftest import Web, Work, press
from tests.factories import base as factories
from tests.factories.quality import disputed_solution, label_solution, solution


def admins(work: Work) -> None:
    work.ask("UPDATE membership SET role = 'admin' RETURNING 1")


def page_of(browser: Browser, site: Web, work: Work, width: int = 1280) -> tuple[Any, Any]:
    context = browser.new_context(viewport={"width": width, "height": 844})
    context.add_cookies([{"name": cookie_name(), "value": work.token, "url": site.url}])
    page = context.new_page()
    page.set_default_timeout(15000)
    return context, page


def disagree(work: Work) -> int:
    """Two labelers on a solution: one finds an error in it, one does not."""
    now = dt.datetime.now(dt.UTC)
    with transaction() as db:
        project = db.get_one(Project, work.project)
        disputed = solution(db, project)
        factories.task(db, disputed, overlap=2)
        for name, first_error in (("Bo", 0), ("Cy", -1)):
            who = factories.member(db, project, who=factories.user(db, name=name))
            label_solution(db, project, claims.claim_assignment(db, project, who, now), first_error)
        return disputed.id


def test_agreement_appears_when_it_is_counted(browser: Browser, site: Web) -> None:
    work = Work(0)
    admins(work)
    disagree(work)
    context, page = page_of(browser, site, work)
    page.goto(f"{site.url}/projects/pilot/quality")
    section = page.get_by_role("region", name="Agreement", exact=True)
    expect(section).to_contain_text("Queued.")
    expect(page.get_by_role("link", name="awaiting adjudication", exact=True)).to_be_visible()
    expect(page.locator(".card .figure").first).to_have_text("1")
    with transaction() as db:
        run_id = db.scalars(
            select(AgreementReport.id).where(AgreementReport.project_id == work.project)
        ).one()
    agreement_job.run(agreement_report.KIND, run_id)
    expect(section).to_contain_text("Computed just now", timeout=15000)
    expect(section).to_contain_text("Over 1 pair of labelers")
    section.get_by_role("link", name="1 solution", exact=True).click()
    expect(page.get_by_role("heading", name="Solutions labeled by several")).to_be_visible()
    context.close()


def test_adjudication_blind_then_shown_then_returned(browser: Browser, site: Web) -> None:
    work = Work(0)
    admins(work)
    solution_id = disagree(work)
    context, page = page_of(browser, site, work, width=390)
    page.goto(f"{site.url}/projects/pilot/quality/solutions/{solution_id}")
    expect(page.get_by_role("button", name="Decide (blind)")).to_be_visible()
    expect(page.get_by_text("Cy", exact=True)).to_have_count(0)
    first = page.get_by_role("group", name="Step 1", exact=True).get_by_role("radio", name="Neutral")
    first.check()
    page.get_by_role("button", name="Reveal labels").click()
    expect(page.get_by_role("link", name="Cy")).to_be_visible()
    expect(first).to_be_checked()  # nothing rated is lost
    page.get_by_text("Return to Bo").click()
    page.get_by_label("Reason for returning it to Bo").fill("Step 1 is fine: look again.")
    page.get_by_role("button", name="Return to labeler", exact=True).click()
    expect(page.get_by_text("Returned to Bo, not resubmitted yet")).to_be_visible()
    assert work.ask("SELECT reason FROM submission_return") == [("Step 1 is fine: look again.",)]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_one_decision_after_another_by_keys(browser: Browser, site: Web) -> None:
    work = Work(0)
    admins(work)
    with transaction() as db:
        disputed_solution(db, db.get_one(Project, work.project))
        disputed_solution(db, db.get_one(Project, work.project))
    context, page = page_of(browser, site, work)
    page.goto(f"{site.url}/projects/pilot/quality/adjudications")
    page.get_by_role("link", name="Start").click()
    for left in (1, 0):
        expect(page.get_by_role("heading", name="Decide a solution", exact=True)).to_be_visible()
        expect(page.locator(".keys-hint")).to_be_visible()  # the keys are listened to
        press(page, "3 j k 2 1")
        expect(page.get_by_label("Reason", exact=True)).to_be_focused()
        page.keyboard.type("The third does not follow.")
        press(page, "Tab Enter")
        expect(page.get_by_role("heading", name="Decision", exact=True)).to_be_visible()
        assert work.ask("SELECT ratings FROM adjudication ORDER BY id DESC LIMIT 1") == [([1, 0, -1],)]
        assert work.ask("SELECT count(*) FROM adjudication_candidate") == [(left,)]
        expect(page.locator("#next kbd")).to_be_visible()
        press(page, "Enter")
    expect(page.get_by_role("heading", name="Adjudication queue is empty", exact=True)).to_be_visible()
    context.close()


def test_members_fit_a_phone(browser: Browser, site: Web) -> None:
    work = Work(0)
    admins(work)
    with transaction() as db:
        project = db.get_one(Project, work.project)
        long = "katherine.coleman.goble.johnson@research.example-university.org"
        factories.member(db, project, who=factories.user(db, long, name="Katherine Johnson"))
    context, page = page_of(browser, site, work, width=390)
    page.goto(f"{site.url}/projects/pilot/members")
    table = page.get_by_role("region", name="Members")
    wide, seen = table.evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert wide == seen, "nothing lies behind an edge"
    for name in ("Change", "Remove"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    page.get_by_label("Role of Katherine Johnson").select_option("researcher")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("Role of Katherine Johnson")).to_have_value("researcher")
    context.close()
