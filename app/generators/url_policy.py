"""Which addresses this server may be made to call. A generator's address is asked from inside the
network the server stands in, so it is not for every admin of a project to choose: a site admin may
name any, others those hosts that the operator listed in STEPMARK_GENERATOR_HOSTS. The addresses
where clouds hand out credentials (link-local) are refused to everyone, also when a name leads there."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from app.core.errors import Forbidden, Invalid
from app.settings import settings

KEY_NAME = re.compile(r"STEPMARK_KEY_[A-Z0-9_]{1,60}")


class BadAddress(Exception):
    """Seen only when the name is looked up, just before the first request."""


def validate_url(url: str, *, site_admin: bool) -> str:
    """The address without a trailing slash. Invalid or Forbidden says why not."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("The address is not a URL.", remedy="For instance http://localhost:8001/v1.") from error
    if parts.scheme not in ("http", "https") or not host or len(url) > 500 or re.search(r"[\s\0]", url):
        raise Invalid(
            "The address must begin with http:// or https:// and name a host.",
            remedy="For instance http://localhost:8001/v1.",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(
            "The address may carry no name, password or query.",
            remedy="Put an API key into an environment variable of the server and give its name.",
        )
    if (
        not site_admin
        and f"{host}:{port or ''}".rstrip(":") not in allowed_hosts()
        and host not in allowed_hosts()
    ):
        raise Forbidden(
            f"Generators of this server may not call {host}.",
            remedy="Ask a site admin to make this generator, or the operator to list the host in "
            "STEPMARK_GENERATOR_HOSTS.",
        )
    refuse_private_literal(host)
    return url


def allowed_hosts() -> set[str]:
    return {host.strip().lower() for host in settings().generator_hosts.split(",") if host.strip()}


def refuse_private_literal(host: str) -> None:
    try:
        bad = is_forbidden(ipaddress.ip_address(host))
    except ValueError:
        return
    if bad:
        raise Invalid(f"The address {host} is never called: it is not where a model answers.")


def is_forbidden(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_link_local or address.is_multicast or address.is_unspecified


def resolve_host(url: str) -> None:
    """BadAddress when the host's name leads where it must not, or nowhere."""
    host = urlsplit(url).hostname or ""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise BadAddress(f"The host {host} is not found: {error}.") from error
    for address in addresses:
        if is_forbidden(ipaddress.ip_address(str(address).split("%")[0])):
            raise BadAddress(f"The host {host} leads to {address}, which is never called.")


def validate_key_env(name: str) -> str | None:
    """The name of the variable that holds the key, or none. Only names made for this: any other
    would let who makes a generator have the server's own secrets sent to them."""
    name = name.strip()
    if not name:
        return None
    if not KEY_NAME.fullmatch(name):
        raise Invalid(
            "The key's variable must be named STEPMARK_KEY_ and then capital letters, digits or _.",
            remedy="Set such a variable for the worker and give its name here, not the key.",
        )
    return name
