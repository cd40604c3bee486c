"""Error responses: a page for people, JSON for programs."""

from __future__ import annotations

import logging
from urllib.parse import quote

import orjson
import psycopg.errors
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.common.config import describe_error
from app.core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    TooLarge,
    find_disk_full,
)
from app.core.web import redirect, render, wants_json

log = logging.getLogger("stepmark.web")


class InternalError(DomainError):
    status, code = 500, "broken"


class DatabaseUnavailable(DomainError):
    status, code = 503, "away"


class MethodNotAllowed(DomainError):
    status, code = 405, "not_allowed"


def install_handlers(web: FastAPI) -> None:
    web.add_exception_handler(DomainError, handle_domain_error)
    web.add_exception_handler(RequestValidationError, handle_validation_error)
    web.add_exception_handler(HTTPException, handle_http_error)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        web.add_exception_handler(away, handle_database_unavailable)
    for unfit in (DataError, UnicodeEncodeError):
        web.add_exception_handler(unfit, handle_unstorable_text)
    web.add_exception_handler(StatementError, handle_unstorable_value)
    web.add_exception_handler(IntegrityError, handle_integrity_error)
    web.add_exception_handler(OSError, handle_os_error)


def error_response(request: Request, error: DomainError, headers: dict[str, str] | None = None) -> Response:
    if wants_json(request):
        return JSONResponse(error.as_json(), error.status, headers=headers)
    try:
        page = render(request, "error.html", error.status, error=error)
    except SQLAlchemyError:  # a failed flush or commit emptied the objects the bar shows
        request.state.user = request.state.access = None
        page = render(request, "error.html", error.status, error=error)
    page.headers.update(headers or {})
    return page


def handle_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if not isinstance(error, NotSignedIn) or wants_json(request):
        return error_response(request, error)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login = f"/login?next={quote(target if request.method == 'GET' else '/', safe='')}"
    if "hx-request" in request.headers:  # a part of a page: the whole page goes, not the part
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return redirect(login)


def handle_validation_error(request: Request, error: Exception) -> Response:
    """Name the invalid fields. Never repeats a value."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(problem["loc"][:1] == ("path",) for problem in problems):
        return error_response(request, not_found())
    texts = [
        describe_error({**problem, "loc": problem["loc"][1:] or ("body",)}, show_value=False)
        for problem in problems[:5]
    ]
    summary = "; ".join(dict.fromkeys(texts))
    clean = summary.encode("utf-8", "replace").decode()[:500]
    return error_response(request, Invalid(f"Invalid input: {clean}", remedy="Correct it and try again."))


def handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    by_status: dict[int, DomainError] = {
        403: Forbidden("You do not have permission to do this.", remedy="Ask a site admin."),
        404: not_found(),
        405: MethodNotAllowed("Method not allowed.", remedy="Go back and try again."),
        413: too_large(),
    }
    domain_error = by_status.get(error.status_code)
    if domain_error is None:
        domain_error = Invalid("The request could not be read.", remedy="Send it again.")
        domain_error.status = error.status_code
    return error_response(request, domain_error, dict(error.headers or {}))


def handle_database_unavailable(request: Request, error: Exception) -> Response:
    """The database is away, restarting or too busy, or two requests deadlocked. All of these pass."""
    if isinstance(getattr(error, "orig", None), psycopg.errors.DataError):
        return handle_unstorable_text(request, error)
    if (disk_full := find_disk_full(error)) is not None:
        log.error("database disk full in request %s", request_id(request))
        return error_response(request, disk_full)
    log.warning("database away in request %s: %s", request_id(request), str(error).split("\n")[0])
    unavailable = DatabaseUnavailable(
        "The database is unavailable.",
        remedy="Your saved work is safe. Try again in a few seconds.",
    )
    return error_response(request, unavailable, {"Retry-After": "5"})


def handle_unstorable_text(request: Request, error: Exception) -> Response:
    """Postgres stores no NUL byte, no lone surrogate and no number beyond 64 bits."""
    log.warning("unfit input in request %s: %s", request_id(request), type(error).__name__)
    return error_response(
        request,
        Invalid(
            "The text contains characters that cannot be stored (NUL or a lone surrogate), "
            "or a number is too large.",
            remedy="Remove them and try again.",
        ),
    )


def handle_unstorable_value(request: Request, error: Exception) -> Response:
    """The same, found before the statement was sent: a lone surrogate inside JSON."""
    assert isinstance(error, StatementError)
    if isinstance(error.orig, UnicodeEncodeError | orjson.JSONEncodeError):
        return handle_unstorable_text(request, error)
    raise error


def handle_integrity_error(request: Request, error: Exception) -> Response:
    """Two requests raced for a unique value. Any other violation is a bug."""
    assert isinstance(error, DBAPIError)
    if not isinstance(error.orig, psycopg.errors.UniqueViolation):
        raise error
    return error_response(
        request,
        Conflict("Someone else changed this at the same time.", remedy="Reload the page."),
    )


def handle_os_error(request: Request, error: Exception) -> Response:
    """A full disk is named. Any other error of the system is a bug."""
    if (disk_full := find_disk_full(error)) is None:
        raise error
    log.error("disk full in request %s", request_id(request))
    return error_response(request, disk_full)


def internal_error_response(request: Request) -> Response:
    number = request_id(request)
    internal_error = InternalError(
        "Internal error.",
        remedy=f"Nothing was changed. If it happens again, report error ID {number}.",
        request_id=number,
    )
    try:
        return error_response(request, internal_error)
    except Exception:
        log.exception("the error page itself failed (request %s)", number)
        return JSONResponse(internal_error.as_json(), 500)


def not_found() -> NotFound:
    return NotFound("Page not found.", remedy="Check the link, or sign in with another account.")


def too_large() -> TooLarge:
    return TooLarge("Request too large.", remedy="Upload files on the Import page, or shorten the text.")


def request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
