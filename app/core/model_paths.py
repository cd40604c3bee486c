"""Folders of models on this server. Folders named over the web must be inside them; otherwise any folder of
the machine could be read."""

from __future__ import annotations

import os
from pathlib import Path

from app.core.base_models import find_base
from app.core.errors import Invalid
from app.settings import settings


def model_roots() -> list[Path]:
    named = filter(None, settings().model_roots.split(os.pathsep))
    return [settings().models_dir, *map(Path, named)]


def resolve_model_path(name: str, project_id: int | None = None, *, or_else: str = "") -> Path:
    """The folder of the registered base `name`, or the folder `name`, resolved. Raises Invalid if there is
    none, if it is outside the model roots, or if it is a model of another project than `project_id`;
    `or_else` ends the remedy."""
    entry = find_base(name)
    if entry is not None:
        return Path(entry.folder).resolve()
    path = _folder(name)
    if path is None or not _is_open_to(path, project_id):
        where = f"Put it under {settings().models_dir} or a folder named by STEPMARK_MODEL_ROOTS"
        raise Invalid(
            f"There is no model folder {name[:200]!r} where this server keeps models.",
            remedy=f"{where}; {or_else}." if or_else else f"{where}.",
        )
    return path


def _folder(name: str) -> Path | None:
    try:
        return Path(name).resolve() if Path(name).is_dir() else None
    except OSError:  # a name no file system takes
        return None


def _is_open_to(path: Path, project_id: int | None) -> bool:
    """Whether a project may name this folder. Models that Stepmark publishes lie in a folder with the number
    of their project; other folders that it writes belong to no one."""
    own = settings().models_dir.resolve()
    if not path.is_relative_to(own):
        return any(path.is_relative_to(root.resolve()) for root in model_roots())
    parts = path.relative_to(own).parts
    if not parts or parts[0].startswith(("elsewhere-", "simulation-", ".")):
        return False
    return not parts[0].isdigit() or (len(parts) > 1 and parts[0] == str(project_id))
