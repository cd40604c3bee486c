"""Host names that the server answers to, and its public address.

A page of another site can make a browser reach a private server under a name of its own (DNS rebinding). It
cannot do so under an IP address, localhost, or a name without a dot, so those always pass. Other names must
be configured."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from fastapi import Request

from app.settings import settings


def is_allowed_host(header: str) -> bool:
    """May a request carry this `Host` header?"""
    host = host_name(header)
    if "." not in host.rstrip(".") or host.endswith(".localhost") or _is_ip_address(host):
        return True
    return host in configured_hosts() or host == _machine_name()


def host_name(header: str) -> str:
    """The name of a `Host` header: lower case, without port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def configured_hosts() -> set[str]:
    names = {name.strip().lower() for name in settings().allowed_hosts.split(",") if name.strip()}
    public = urlsplit(settings().url).hostname
    return names | ({public.lower()} if public else set())


def public_url(request: Request) -> str:
    """The address for links that leave the app, with a slash at the end. Unless configured, it is that of the
    request."""
    return f"{settings().url.rstrip('/')}/" if settings().url else str(request.base_url)


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache
def _machine_name() -> str:
    return socket.getfqdn().lower()
