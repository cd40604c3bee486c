"""The web process: the command that runs it, its address, and whether it answers."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request

from app.settings import settings


def web_command(host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "app.main:app"),
        *("--host", host, "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
        *("--timeout-graceful-shutdown", "5"),
        *("--proxy-headers", "--forwarded-allow-ips", settings().trusted_proxies),
    ]


def web_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"


def is_serving(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"{web_url(host, port)}/healthz", timeout=2) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def find_free_port(host: str) -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
