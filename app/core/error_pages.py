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


class Broken(DomainError):
    status, code = 500, "broken"


class Away(DomainError):
    status, code = 503, "away"


class NotAllowed(DomainError):
    status, code = 405, "not_allowed"


def install(web: FastAPI) -> None:
    web.add_exception_handler(DomainError, domain_error)
    web.add_exception_handler(RequestValidationError, wrong_input)
    web.add_exception_handler(HTTPException, http_error)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        web.add_exception_handler(away, database_away)
    for unfit in (DataError, UnicodeEncodeError):
        web.add_exception_handler(unfit, unfit_text)
    web.add_exception_handler(StatementError, unfit_value)
    web.add_exception_handler(IntegrityError, raced)


def answer(request: Request, error: DomainError, headers: dict[str, str] | None = None) -> Response:
    if wants_json(request):
        return JSONResponse(error.as_json(), error.status, headers=headers)
    try:
        page = render(request, "error.html", error.status, error=error)
    except SQLAlchemyError:  # a failed flush or commit emptied the objects the bar shows
        request.state.user = request.state.access = None
        page = render(request, "error.html", error.status, error=error)
    page.headers.update(headers or {})
    return page


def domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if not isinstance(error, NotSignedIn) or wants_json(request):
        return answer(request, error)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login = f"/login?next={quote(asked if request.method == 'GET' else '/', safe='')}"
    if "hx-request" in request.headers:  # a part of a page: the whole page goes, not the part
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return redirect(login)


def wrong_input(request: Request, error: Exception) -> Response:
    """What was sent is told by field; its value is not repeated."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["loc"][:1] == ("path",) for each in found):
        return answer(request, nowhere())
    fields = {".".join(str(part) for part in each["loc"][1:]) or "body": each["msg"] for each in found}
    said = "; ".join(f"{field}: {message}" for field, message in list(fields.items())[:5])
    clean = said.encode("utf-8", "replace").decode()[:500]
    return answer(
        request, Invalid(f"Something in it is not right. {clean}", remedy="Correct it and send it again.")
    )


def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, DomainError] = {
        403: Forbidden("This may not be done.", remedy="Ask an administrator."),
        404: nowhere(),
        405: NotAllowed(f"{request.method} cannot be done here.", remedy="Go back and try another way."),
        413: too_large(),
    }
    told = known.get(error.status_code)
    if told is None:
        told = Invalid("This request cannot be read.", remedy="Send it again.")
        told.status = error.status_code
    return answer(request, told, dict(error.headers or {}))


def database_away(request: Request, error: Exception) -> Response:
    """Gone, restarting, too busy, or two requests in each other's way: all pass by themselves."""
    if isinstance(getattr(error, "orig", None), psycopg.errors.DataError):
        return unfit_text(request, error)
    log.warning("database away in request %s: %s", id_of(request), str(error).split("\n")[0])
    told = Away(
        "The database does not answer right now.",
        remedy="Nothing you did before is lost. Wait a few seconds, then repeat the last step.",
    )
    return answer(request, told, {"Retry-After": "5"})


def unfit_text(request: Request, error: Exception) -> Response:
    """NUL bytes, lone surrogates, a number beyond 64 bits: Postgres takes none of them."""
    log.warning("unfit input in request %s: %s", id_of(request), type(error).__name__)
    return answer(
        request,
        Invalid(
            "Something in it cannot be stored: a NUL byte, half a character, or a number too large.",
            remedy="Take it out and send it again.",
        ),
    )


def unfit_value(request: Request, error: Exception) -> Response:
    """The same, noticed before it was sent: half a character inside JSON."""
    assert isinstance(error, StatementError)
    if isinstance(error.orig, UnicodeEncodeError | orjson.JSONEncodeError):
        return unfit_text(request, error)
    raise error


def raced(request: Request, error: Exception) -> Response:
    """Two did the same at once and one came first; every other broken rule is our mistake."""
    assert isinstance(error, DBAPIError)
    if not isinstance(error.orig, psycopg.errors.UniqueViolation):
        raise error
    return answer(
        request,
        Conflict("Somebody did the same at this moment.", remedy="Look at the page again."),
    )


def broken(request: Request) -> Response:
    number = id_of(request)
    told = Broken(
        "Something went wrong on our side.",
        remedy=f"Nothing was changed. If it happens again, tell an administrator this number: {number}",
        request_id=number,
    )
    try:
        return answer(request, told)
    except Exception:
        log.exception("the error page itself failed (request %s)", number)
        return JSONResponse(told.as_json(), 500)


def nowhere() -> NotFound:
    return NotFound("There is nothing here.", remedy="The link may be old, or not for this account.")


def too_large() -> TooLarge:
    return TooLarge("This is too large.", remedy="Files go in by Import; text must be shorter.")


def id_of(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
