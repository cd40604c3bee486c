"""More than 500 hostile strings (hostile.py) in every field of text, in a real browser: no script runs,
nothing is asked elsewhere, nothing is drawn for longer than a second, and what is shown is what was
written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, text

from app.accounts.access import cookie_name
from app.core.db import transaction
from app.labeling.models import StepNote
from tests.browser.conftest import Web, Work, saved
from tests.browser.hostile_strings import CORPUS, UNSTORABLE
from tests.browser.seeded_site import Everything, opened
from tests.route_table import routes

WATCH = """addEventListener("securitypolicyviolation", (event) =>
    (window.violations ??= []).push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""
PUT = """async (texts) => {
    const { renderMath } = await import("/static/math.js");
    const place = Object.assign(document.createElement("div"), { className: "math-text" });
    document.body.append(place);
    const [slow, changed] = [[], []];
    const OURS = ["span", "div", "pre", "code", "table", "thead", "tbody", "tr", "th", "td"];
    for (const text of texts) {
        let took = Infinity;
        for (let times = 0; times < 3 && took > 1000; times++) { // a busy machine has its pauses
            const start = performance.now();
            renderMath(place, text);
            place.getBoundingClientRect();
            took = Math.min(took, performance.now() - start);
        }
        if (took > 1000) slow.push([text.slice(0, 50), took]);
        const tags = [...place.querySelectorAll("*")].filter((one) => one instanceof HTMLElement);
        changed.push(...tags.map((one) => one.localName).filter((tag) => !OURS.includes(tag)));
        renderMath(place, text, true);
        if (place.textContent !== text) changed.push(text);
    }
    place.remove();
    return [slow, changed];
}"""
MARKUP = """(page) => [...page.querySelectorAll("*")].filter((one) =>
    one.matches("iframe, object, embed, base, meta[http-equiv], style, form[action^='//']")
    || one.matches("[href^='javascript:' i]")
    || one.matches("script:not([src^='/static/'])")
    || [...one.attributes].some(({ name, value }) => /^(on|hx-on|srcdoc|data-hx)/.test(name)
        || (name.startsWith("hx-") && value.includes("elsewhere")))
).map((one) => one.outerHTML.slice(0, 120))"""
ASK = """async (asked) => {
    const markup = MARKUP;
    const wrong = [];
    const JSON_SENT = { "Content-Type": "application/json" };
    const ask = async ([method, path, name, value, more]) => {
        const fields = new URLSearchParams({ ...more, [name]: value });
        const init = method === "GET" ? {} : more.json
            ? { method, headers: JSON_SENT, body: JSON.stringify({ ...more.json, [name]: value }) }
            : { method, body: fields };
        const answer = await fetch(method === "GET" ? `${path}?${fields}` : path, init);
        const found = markup(new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (answer.status >= 500 || [404, 405].includes(answer.status) || found.length)
            wrong.push([path, value.slice(0, 60), answer.status, found]);
    };
    for (let at = 0; at < asked.length; at += 6) await Promise.all(asked.slice(at, at + 6).map(ask));
    return wrong;
}""".replace("MARKUP", MARKUP)


@contextmanager
def watched(browser: Browser, site: Web, token: str) -> Iterator[Page]:
    """A page whose dialogs, foreign requests and blocked scripts fail the test."""
    bad: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.add_cookies([{"name": cookie_name(), "value": token, "url": site.url}])
    context.add_init_script(WATCH)
    context.on("dialog", lambda dialog: (bad.append(f"dialog {dialog.message}"), dialog.dismiss()))
    own = (site.url, "data:", "blob:")
    context.on("request", lambda request: None if request.url.startswith(own) else bad.append(request.url))
    page = context.new_page()
    page.set_default_timeout(20000)
    yield page
    bad += harm(page)
    context.close()
    assert bad == []


def harm(page: Page) -> list[str]:
    problems: list[str] = page.evaluate(
        "[...(window.violations ?? []), ...(window.hacked ? ['it ran'] : [])]"
    )
    return [*problems, *page.evaluate(f"({MARKUP})(document)")]


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 500


def test_hostile_steps_and_notes_at_the_desk(browser: Browser, site: Web) -> None:
    parts = [CORPUS[at::3] for at in range(3)]
    work = Work(3)
    rows = work.ask("SELECT id FROM solution ORDER BY id")
    with transaction() as db:
        for (solution,), steps in zip(rows, parts, strict=True):
            named = {"steps": steps, "id": solution, "answer": steps[7], "statement": f"Problem: {steps[-1]}"}
            db.execute(
                text("UPDATE solution SET steps = :steps, final_answer = :answer WHERE id = :id"), named
            )
            db.execute(
                text(
                    "UPDATE problem SET statement = :statement, reference_answer = :answer,"
                    " subject = :answer, level = :answer"
                    " WHERE id = (SELECT problem_id FROM solution WHERE id = :id)"
                ),
                named,
            )
        db.execute(text("UPDATE project SET mode = 'every_step', name = :name"), {"name": CORPUS[3]})
    with watched(browser, site, work.token) as page:
        for steps in parts:
            claimed = page.request.post(
                f"{site.url}/projects/pilot/assignments",
                headers={"Accept": "application/json", "Sec-Fetch-Site": "same-origin"},
            )
            assignment = claimed.json()["assignment"]["id"]
            with transaction() as db:
                notes = [
                    {
                        "note_id": uuid.uuid4(),
                        "assignment_id": assignment,
                        "position": at,
                        "text": note_text[:2000],
                    }
                    for at, note_text in enumerate(steps)
                ]
                db.execute(insert(StepNote), notes)
                db.execute(text("UPDATE assignment SET has_notes = true"))
            page.goto(f"{site.url}/projects/pilot/desk")
            expect(page.locator(".step .note")).to_have_count(len(steps), timeout=60000)
            assert harm(page) == []
            page.keyboard.press("s")
            shown = page.evaluate(
                "[...document.querySelectorAll('.step .text')].map((one) => one.textContent)"
            )
            assert shown == steps
            page.keyboard.press("g")
            page.locator("#give_up-more").fill(steps[5][:900])
            page.keyboard.press("Enter")
            saved(page)
            page.goto(f"{site.url}/projects/pilot/assignments/{assignment}", wait_until="domcontentloaded")
            assert harm(page) == []
    assert work.ask("SELECT count(*) FROM assignment WHERE comment <> ''") == [(3,)]


def test_no_hostile_string_runs_or_takes_a_second(browser: Browser, site: Web) -> None:
    work = Work(1)
    with watched(browser, site, work.token) as page:
        page.goto(f"{site.url}/projects/pilot/desk")
        page.wait_for_selector(".step")
        slow, changed = page.evaluate(PUT, CORPUS)
        assert slow == []
        assert changed == []


@pytest.fixture(scope="module")
def site_data(running: Web) -> Everything:
    return Everything()


def test_hostile_words_in_every_search_and_form(browser: Browser, site: Web, site_data: Everything) -> None:
    home = "/projects/pilot"
    searches = [f"{home}/problems", f"{home}/solutions", f"{home}/history", "/users"]
    own = site_data.ids["assignment_id"][0]
    notes = f"{home}/assignments/{own}/notes"
    forms: list[tuple[str, str, dict[str, Any]]] = [
        (notes, "text", {"json": {"position": 0}}),
        (f"{home}/assignments/{own}/note", "text", {"position": "0"}),
        (f"{home}/assignments/{own}/return", "reason", {}),
        (f"{home}/evaluation-sets", "name", {"split": "validation"}),
        (f"{home}/invitations", "email", {"role": "labeler"}),
        (f"{home}/settings", "name", {"mode": "first_error"}),
        (f"{home}/instructions", "text", {"base": "2"}),
        ("/account/name", "name", {}),
        ("/projects", "name", {"mode": "first_error"}),
    ]
    requests = [("GET", "/audit", "q", query[:190], {}) for query in CORPUS]  # all, where it is cheapest
    requests += [("GET", searches[at % 4], "q", query[:190], {}) for at, query in enumerate(CORPUS[::7])]
    for place, (path, name, more) in enumerate(forms):
        strings = [string[:300] for string in (*CORPUS[place::99], *UNSTORABLE)]
        requests += [("POST", path, name, string, more) for string in strings]
    with watched(browser, site, site_data.token) as page:
        page.goto(f"{site.url}{home}/history")
        wrong = page.evaluate(ASK, [list(request) for request in requests])
        assert wrong == []


FIELDS = {
    "problem": {"statement": 20000, "reference_answer": 2000, "reference_solution": 2000, "subject": 80,
                "level": 80, "source": 200},
    "solution": {"final_answer": 2000, "generator": 200}, "alternative": {"text": 20000},
    "user_account": {"name": 200}, "model": {"name": 200}, "evaluation_set": {"name": 80},
    "instructions_version": {"text": 20000}, "assignment": {"comment": 2000}, "step_note": {"text": 2000},
    "submission_return": {"reason": 2000}, "adjudication": {"reason": 2000}, "run": {"error": 2000},
    "run_event": {"reason": 2000}, "import": {"filename": 200},
    "import_error": {"message": 500, "excerpt": 500},
    "generator": {"name": 200, "model": 200}, "invitation": {"email": 200},
    "audit_event": {"action": 100, "subject": 200}, "user_session": {"agent": 200},
}  # fmt: skip
"""Every column that holds what somebody wrote, with the most that its form or file may bring."""


def poison(project: int) -> None:
    """Every field of every row holds another of the strings."""
    with transaction() as db:
        db.execute(text("CREATE TEMP TABLE corpus (n int PRIMARY KEY, words text)"))
        db.execute(
            text("INSERT INTO corpus VALUES (:n, :words)"),
            [{"n": n, "words": string} for n, string in enumerate(CORPUS)],
        )
        for table, columns in FIELDS.items():
            for shift, (column, most) in enumerate(columns.items()):
                place = f'("{table}".ctid::text::point)'
                number = f"({place}[1]::int * 7 + {place}[0]::int * 300 + {shift * 101}) % {len(CORPUS)}"
                replacement = f"SELECT left(words, {most}) FROM corpus WHERE n = {number}"
                db.execute(text(f'UPDATE "{table}" SET "{column}" = ({replacement})'))
        db.execute(
            text(
                "UPDATE solution SET steps = (SELECT array_agg(left(words, 2000) ORDER BY n) FROM corpus"
                f" WHERE (n * 31 + solution.id) % {len(CORPUS)} < cardinality(solution.steps))"
            )
        )
        db.execute(
            text("UPDATE project SET name = :name, instructions = :rules WHERE id = :id"),
            {"name": f"{CORPUS[3]} here", "rules": "\n\n".join(CORPUS)[:49_000], "id": project},
        )
        db.execute(text("DROP TABLE corpus"))


def test_hostile_text_in_every_field_of_every_page(
    browser: Browser, site: Web, site_data: Everything
) -> None:
    poison(site_data.project)
    skip = ("/api/", "/static", "/healthz", "/readyz")
    places = [
        site_data.places(route)[:1]
        for method, route, _ in routes()
        if method == "GET" and not route.startswith(skip)
    ]
    with watched(browser, site, site_data.token) as page:
        looked, wrong = 0, {}
        for path in sorted(path for route_paths in places for path in route_paths):
            if not opened(page, site.url + path):
                continue
            looked += 1
            if problems := harm(page):
                wrong[path] = problems
        assert wrong == {}
        assert looked > 40
