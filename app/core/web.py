"""Responses: a page, a fragment, a redirect with a message."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import humanize
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

ROOT = Path(__file__).parent.parent.parent
STATIC = ROOT / "static"
FLASH = "stepmark_flash"

templates = Environment(
    loader=FileSystemLoader(ROOT / "templates"),
    autoescape=select_autoescape(("html", "xml"), default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def format_age(moment: dt.datetime | None, now: dt.datetime | None = None) -> str:
    """The time since `moment` in its largest unit: "just now", "5 minutes ago", "3 days ago"."""
    if moment is None:
        return "never"
    age = (now or dt.datetime.now(dt.UTC)) - moment
    return "just now" if age < dt.timedelta(minutes=1) else humanize.naturaltime(age)


def format_duration(seconds: float) -> str:
    """A duration in one or two units: "40 s", "3 min", "2 h 5 min"."""
    total = max(0, round(seconds))
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{round(total / 60)} min"
    return f"{total // 3600} h {total % 3600 // 60} min"


templates.filters["ago"] = format_age
templates.filters["duration"] = format_duration
templates.filters["thousands"] = lambda number: f"{number:,}"


def wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", "")


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Render `template` with the context of every page: user, access and flash message."""
    cookie = request.cookies.get(FLASH)
    html = templates.get_template(template).render(
        request=request,
        user=getattr(request.state, "user", None),
        access=getattr(request.state, "access", None),
        flash=_read_flash(cookie),
        **context,
    )
    answer = HTMLResponse(html, status)
    if cookie:
        answer.delete_cookie(FLASH, path="/")
    return answer


def render_polled(request: Request, template: str, *, over: bool, **context: Any) -> HTMLResponse:
    """Render a fragment that its page polls. When `over`, htmx reloads the whole page."""
    answer = render(request, template, over=over, **context)
    if over:
        answer.headers["HX-Refresh"] = "true"
    return answer


def redirect(to: str, message: str = "", tone: str = "success") -> Response:
    """Redirect (303) with a message for the next page. `tone` is success, error or note."""
    answer = RedirectResponse(to, 303)
    if message:
        cookie = quote(json.dumps({"message": message[:500], "tone": tone}))
        answer.set_cookie(FLASH, cookie, max_age=60, httponly=True, samesite="lax", path="/")
    return answer


def _read_flash(cookie: str | None) -> dict[str, str] | None:
    if not cookie:
        return None
    try:
        flash = json.loads(unquote(cookie))
        return {"message": str(flash["message"]), "tone": str(flash["tone"])}
    except (ValueError, KeyError, TypeError):
        return None
