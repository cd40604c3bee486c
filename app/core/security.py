"""Security headers of every response, and checks of every request before routing.

An unsafe request must come from a page of ours: `Sec-Fetch-Site: same-origin`, which browsers
set and scripts cannot, or (older browsers, plain http) an `Origin` equal to the host. Requests
with an Authorization header are let through: for them cookies are not looked at at all."""

from __future__ import annotations

import logging
import re
import secrets
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import error_pages
from app.core.errors import DomainError, Forbidden
from app.core.hosts import host_name, is_allowed_host
from app.settings import settings

log = logging.getLogger("stepmark.web")
SAFE = {"GET", "HEAD", "OPTIONS"}
BODY_LIMIT = 8 * 1024**2
UPLOADS = re.compile(r"/projects/[^/]+/uploads|/api/v1/projects/[^/]+/imports")
"""Paths that take files: they stream to disk and keep their own, larger limit."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",  # KaTeX places its boxes by style attributes
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityMiddleware:
    """The outermost layer. It also answers uncaught exceptions, so that a failure has the same headers as a
    success and a request ID to find in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                add_security_headers(MutableHeaders(scope=message), scope["path"], request_id)
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        headers, size = Headers(scope=scope), 0
        is_head = scope["method"] == "HEAD"
        if is_head:  # answered as GET, without the body
            scope = {**scope, "method": "GET"}

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > BODY_LIMIT:
                raise HTTPException(413)  # a DomainError would come out as "cannot be parsed"
            return message

        uploads = UPLOADS.fullmatch(scope["path"].rstrip("/")) is not None
        try:
            if (refused := find_refusal(scope["method"], headers, uploads)) is not None:
                await error_pages.error_response(Request(scope), refused)(scope, receive, dressed)
                return
            await self.app(scope, receive if uploads else bounded, dressed)
        except Exception:
            log.exception("%s %s failed (request %s)", scope["method"], scope["path"], request_id)
            if started:
                raise  # half an answer is out: cut it off rather than end it as if whole
            await error_pages.internal_error_response(Request(scope))(scope, receive, dressed)


class WrongHost(DomainError):
    status, code = 421, "wrong_host"


def find_refusal(method: str, headers: Headers, uploads: bool) -> DomainError | None:
    if not is_allowed_host(headers.get("host", "")):
        return WrongHost(
            f"This server does not answer to the name {host_name(headers['host'])[:100]}.",
            remedy="If the name is right, the operator sets STEPMARK_URL to the server's public address, "
            "or adds the name to STEPMARK_ALLOWED_HOSTS.",
        )
    if method not in SAFE and not is_same_origin(headers):
        return Forbidden(
            "Cross-site request blocked.",
            remedy="Reload the page and try again; programs need an API token.",
        )
    length = headers.get("content-length", "")
    if not uploads and length.isdigit() and (len(length) > 15 or int(length) > BODY_LIMIT):
        return error_pages.too_large()
    return None


def is_same_origin(headers: Headers) -> bool:
    if "authorization" in headers:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = headers.get("origin"), headers.get("host")
    return bool(origin and host) and urlsplit(origin or "").netloc.lower() == (host or "").lower()


def add_security_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id
    headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
    if settings().secure_cookies:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
