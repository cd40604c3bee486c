"""The server's settings: durable, a socket and no TCP, and only our own users let in."""

from __future__ import annotations

from pathlib import Path

import psutil

ROLE = "stepmark"
PORT = 5432  # only a part of the socket's name; nothing listens on it


def write_config(folder: Path, sockets: Path, users: set[str]) -> Path:
    """Write the three files. Returns the path of postgresql.conf."""
    folder.mkdir(exist_ok=True)
    memory = psutil.virtual_memory().total // 2**20
    hba, ident, main = folder / "pg_hba.conf", folder / "pg_ident.conf", folder / "postgresql.conf"
    values = {
        "hba_file": hba,
        "ident_file": ident,
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": '"' + str(sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "max_connections": 200,
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{min(max(memory // 8, 128), 2048)}MB",
        "effective_cache_size": f"{max(memory // 2, 256)}MB",
        "maintenance_work_mem": f"{min(max(memory // 32, 64), 512)}MB",
        "max_wal_size": "4GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%a ",
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in values.items()]
    _replace(main, "# Written anew by Stepmark at each start.\n" + "\n".join(lines) + "\n")
    _replace(hba, f"local all {ROLE} peer map=stepmark\n")
    _replace(ident, "".join(f'stepmark "{user}" {ROLE}\n' for user in sorted(users)))
    return main


def _quoted(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.write_text(text)
    draft.chmod(0o644)
    draft.replace(path)
