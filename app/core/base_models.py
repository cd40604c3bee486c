"""Base models that the operator registered: names that may stand for a folder anywhere a base or a local
generator is named. A registration is one JSON file in `STEPMARK_HOME/models/bases`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from app.common.atomic_files import write_json
from app.common.config import Config, ConfigError
from app.core.errors import Invalid, NotFound
from app.prm.base_facts import BaseFacts
from app.settings import settings

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


class BaseModelEntry(Config):
    """A registered base."""

    name: Annotated[str, Field(max_length=60)]
    folder: str
    """Where its files are. Absolute."""
    source: str
    """Where it came from: a package and version, a file or a folder."""
    facts: BaseFacts

    @property
    def is_copy(self) -> bool:
        """Whether Stepmark wrote the folder, so that removing the base removes its files."""
        return Path(self.folder).parent == bases_dir()


def bases_dir() -> Path:
    return settings().models_dir / "bases"


def parse_name(name: str) -> str:
    """Raises Invalid for a name that is not lower-case letters, digits, dots, dashes and underscores."""
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a base model.",
            remedy="Use at most 60 lower-case letters, digits, dots, dashes and underscores.",
        )
    return name


def list_bases() -> list[BaseModelEntry]:
    """By name. Unreadable registrations are left out."""
    return list(_iter_bases())


def _iter_bases() -> Iterator[BaseModelEntry]:
    for path in sorted(bases_dir().glob("*.json")):
        entry = find_base(path.stem)
        if entry is not None:
            yield entry


def find_base(name: str) -> BaseModelEntry | None:
    """The registered base with this name."""
    path = bases_dir() / f"{name}.json"
    if not NAME.fullmatch(name) or not path.is_file():
        return None
    try:
        entry = BaseModelEntry.model_validate_json(path.read_bytes())
    except (ConfigError, ValueError, OSError):
        return None
    return entry if Path(entry.folder).is_dir() else None


def get_base(name: str) -> BaseModelEntry:
    """Raises NotFound."""
    entry = find_base(name)
    if entry is None:
        names = ", ".join(entry.name for entry in list_bases()) or "none"
        raise NotFound(f"There is no base model {name[:80]!r}.", remedy=f"Registered: {names}.")
    return entry


def save_base(entry: BaseModelEntry) -> None:
    bases_dir().mkdir(parents=True, exist_ok=True)
    write_json(bases_dir() / f"{entry.name}.json", entry.to_json())


def forget_base(entry: BaseModelEntry) -> None:
    """Remove the registration. The files stay."""
    (bases_dir() / f"{entry.name}.json").unlink(missing_ok=True)
