"""Making and retiring a generator, and finding one."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core import model_paths
from app.core.errors import Conflict, Invalid, NotFound
from app.generators import url_policy
from app.generators.config import parse
from app.generators.models import KINDS, Generator, Preparation
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder
from app.projects.models import Project

NAME = re.compile(r"[\w][\w .:/@+-]{0,99}")


@dataclass(frozen=True)
class GeneratorInput:
    name: str
    kind: str = "openai"
    model: str = ""
    base_url: str = ""
    key_name: str = ""


def create_generator(
    db: Session, project: Project, generator_input: GeneratorInput, config: dict[str, Any], user: User | None
) -> Generator:
    """A generator, checked as far as can be without asking it. `user` None: the command line."""
    name, model = generator_input.name.strip(), generator_input.model.strip()
    if not NAME.fullmatch(name):
        raise Invalid("The name must be 1 to 100 letters, digits, spaces or . : / @ + - _.")
    if db.scalar(select(Generator.id).where(Generator.project_id == project.id, Generator.name == name)):
        raise Conflict(f"There is a generator {name!r} already.", remedy="Give this one another name.")
    if generator_input.kind not in KINDS:
        raise Invalid(
            f"There is no kind of generator {generator_input.kind[:50]!r}.", remedy=f"{' or '.join(KINDS)}."
        )
    server = generator_input.kind == "openai"
    if not model or len(model) > 500 or "\0" in model:
        raise Invalid("Which model?" if server else "Which folder?", remedy="Give its name.")
    site_admin = user is None or user.is_admin
    generator = Generator(
        project_id=project.id,
        name=name,
        kind=generator_input.kind,
        base_url=url_policy.validate_url(generator_input.base_url, site_admin=site_admin) if server else None,
        model=model if server else str(model_folder(model)),
        key_name=url_policy.validate_key_env(generator_input.key_name) if server else None,
        config=parse(config).as_json(),
        created_by=user.id if user else None,
    )
    db.add(generator)
    db.flush()
    subject = f"{generator.name} ({generator.kind})"
    audit.record_event(db, user, "generator.make", subject=subject, project_id=project.id)
    return generator


def model_folder(name: str) -> Path:
    """A model's folder where this server keeps models, with nothing in it that could run."""
    path = model_paths.resolve_model_path(name)
    try:
        validate_folder(path)
    except BadCheckpoint as error:
        raise Invalid(f"This folder is not read: {error}.") from error
    return path


def retire_generator(db: Session, generator: Generator, user: User | None) -> None:
    """No new run may use it; what it made stays."""
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired already.")
    if db.scalar(select(Preparation).where(Preparation.generator_id == generator.id)):
        raise Conflict(
            f"{generator.name} prepares alternatives for what is queued.",
            remedy="Choose another for that, or none; then retire it.",
        )
    generator.retired_at = dt.datetime.now(dt.UTC)
    audit.record_event(db, user, "generator.retire", subject=generator.name, project_id=generator.project_id)


def list_generators(db: Session, project_id: int) -> list[Generator]:
    """Those in use first, newest first."""
    chosen = select(Generator).where(Generator.project_id == project_id)
    order = (Generator.retired_at.is_not(None), Generator.id.desc())
    return list(db.scalars(chosen.order_by(*order).limit(200)))


def get_generator(db: Session, project_id: int, generator_id: int) -> Generator:
    chosen = select(Generator).where(Generator.id == generator_id, Generator.project_id == project_id)
    generator = db.scalar(chosen) if 0 < generator_id < 2**62 else None
    if generator is None:
        raise NotFound("There is no such generator in this project.", remedy="Go back to the list of them.")
    return generator


def get_generator_by_name(db: Session, project_id: int, name: str) -> Generator:
    generator = db.scalar(select(Generator).where(Generator.project_id == project_id, Generator.name == name))
    if generator is None:
        raise NotFound(f"There is no generator {name!r}.", remedy="stepmark generator list shows them.")
    return generator
