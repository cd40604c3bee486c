"""Every refusal and failure as a person or a program can read it: a page, or JSON."""

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

from app.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, NotSignedIn, TooLarge
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
    """What was sent is told by field; its value is not repeated."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(problem["loc"][:1] == ("path",) for problem in problems):
        return error_response(request, not_found())
    fields = {
        ".".join(str(part) for part in problem["loc"][1:]) or "body": problem["msg"] for problem in problems
    }
    summary = "; ".join(f"{field}: {message}" for field, message in list(fields.items())[:5])
    clean = summary.encode("utf-8", "replace").decode()[:500]
    return error_response(
        request, Invalid(f"Something in it is not right. {clean}", remedy="Correct it and send it again.")
    )


def handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    by_status: dict[int, DomainError] = {
        403: Forbidden("This may not be done.", remedy="Ask an administrator."),
        404: not_found(),
        405: MethodNotAllowed(
            f"{request.method} cannot be done here.", remedy="Go back and try another way."
        ),
        413: too_large(),
    }
    domain_error = by_status.get(error.status_code)
    if domain_error is None:
        domain_error = Invalid("This request cannot be read.", remedy="Send it again.")
        domain_error.status = error.status_code
    return error_response(request, domain_error, dict(error.headers or {}))


def handle_database_unavailable(request: Request, error: Exception) -> Response:
    """Gone, restarting, too busy, or two requests in each other's way: all pass by themselves."""
    if isinstance(getattr(error, "orig", None), psycopg.errors.DataError):
        return handle_unstorable_text(request, error)
    log.warning("database away in request %s: %s", request_id(request), str(error).split("\n")[0])
    unavailable = DatabaseUnavailable(
        "The database does not answer right now.",
        remedy="Nothing you did before is lost. Wait a few seconds, then repeat the last step.",
    )
    return error_response(request, unavailable, {"Retry-After": "5"})


def handle_unstorable_text(request: Request, error: Exception) -> Response:
    """NUL bytes, lone surrogates, a number beyond 64 bits: Postgres takes none of them."""
    log.warning("unfit input in request %s: %s", request_id(request), type(error).__name__)
    return error_response(
        request,
        Invalid(
            "Something in it cannot be stored: a NUL byte, half a character, or a number too large.",
            remedy="Take it out and send it again.",
        ),
    )


def handle_unstorable_value(request: Request, error: Exception) -> Response:
    """The same, noticed before it was sent: half a character inside JSON."""
    assert isinstance(error, StatementError)
    if isinstance(error.orig, UnicodeEncodeError | orjson.JSONEncodeError):
        return handle_unstorable_text(request, error)
    raise error


def handle_integrity_error(request: Request, error: Exception) -> Response:
    """Two did the same at once and one came first; every other broken rule is our mistake."""
    assert isinstance(error, DBAPIError)
    if not isinstance(error.orig, psycopg.errors.UniqueViolation):
        raise error
    return error_response(
        request,
        Conflict("Somebody did the same at this moment.", remedy="Look at the page again."),
    )


def internal_error_response(request: Request) -> Response:
    number = request_id(request)
    internal_error = InternalError(
        "Something went wrong on our side.",
        remedy=f"Nothing was changed. If it happens again, tell an administrator this number: {number}",
        request_id=number,
    )
    try:
        return error_response(request, internal_error)
    except Exception:
        log.exception("the error page itself failed (request %s)", number)
        return JSONResponse(internal_error.as_json(), 500)


def not_found() -> NotFound:
    return NotFound("There is nothing here.", remedy="The link may be old, or not for this account.")


def too_large() -> TooLarge:
    return TooLarge("This is too large.", remedy="Files go in by Import; text must be shorter.")


def request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
