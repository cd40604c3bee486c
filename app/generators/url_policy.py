"""Rules for the URLs of generators. The worker sends requests from inside the operator's network. Site
admins may enter any host; project admins may use the hosts in STEPMARK_GENERATOR_HOSTS. Link-local
addresses, where clouds serve credentials, are always refused, also if a host name resolves to one."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from app.core.errors import Forbidden, Invalid
from app.settings import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
LOW_BITS_NETWORKS = tuple(ipaddress.IPv6Network(text) for text in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48"))
KEY_NAME = re.compile(r"STEPMARK_KEY_[A-Z0-9_]{1,60}")


class BadAddress(Exception):
    """A host that resolves to a forbidden address, found before the first request."""


def validate_url(url: str, *, site_admin: bool) -> str:
    """The URL without a trailing slash. Raises Invalid or Forbidden."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("The base URL is invalid.", remedy="Example: http://localhost:8001/v1.") from error
    if parts.scheme not in ("http", "https") or not host or len(url) > 500 or re.search(r"[\s\0]", url):
        raise Invalid(
            "The base URL must start with http:// or https:// and contain a host.",
            remedy="Example: http://localhost:8001/v1.",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(
            "The base URL must not contain a user name, password or query.",
            remedy="Set the API key as an environment variable of the worker and enter its name.",
        )
    if (
        not site_admin
        and f"{host}:{port or ''}".rstrip(":") not in allowed_hosts()
        and host not in allowed_hosts()
    ):
        raise Forbidden(
            f"The host {host} is not allowed.",
            remedy="Ask a site admin to create this generator, or ask the operator to add the host to "
            "STEPMARK_GENERATOR_HOSTS.",
        )
    refuse_private_literal(host)
    return url


def allowed_hosts() -> set[str]:
    return {host.strip().lower() for host in settings().generator_hosts.split(",") if host.strip()}


def refuse_private_literal(host: str) -> None:
    address = parse_address(host)
    if address is not None and is_forbidden(address):
        raise Invalid(f"The address {host} is not allowed.")


def parse_address(host: str) -> Address | None:
    """The IP address that a host is, also as the system's resolver reads it: 0xa9fea9fe, 2852039166."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def is_forbidden(address: Address) -> bool:
    """Link-local, multicast and unspecified addresses, and those where clouds serve credentials; also when an
    IPv6 address carries them."""
    return any(
        inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner in METADATA_ADDRESSES
        for inner in (address, *carried_addresses(address))
    )


def carried_addresses(address: Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in LOW_BITS_NETWORKS):
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in carried if inner is not None]


def resolve_host(url: str) -> None:
    """Raises BadAddress if the host resolves to a forbidden address, or not at all."""
    host = urlsplit(url).hostname or ""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise BadAddress(f"Host {host} not found: {error}.") from error
    for address in addresses:
        if is_forbidden(ipaddress.ip_address(str(address).split("%")[0])):
            raise BadAddress(f"The host {host} resolves to {address}, which is not allowed.")


def validate_key_env(name: str) -> str | None:
    """The name of the variable with the API key, or None. The prefix is required: otherwise an admin could
    send other secrets of the server to their own host."""
    name = name.strip()
    if not name:
        return None
    if not KEY_NAME.fullmatch(name):
        raise Invalid(
            "The API key variable must start with STEPMARK_KEY_, followed by capital letters, digits or _.",
            remedy="Set this variable for the worker and enter its name, not the key.",
        )
    return name
