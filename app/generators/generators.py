"""Create, retire and find generators."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.generators.config import GeneratorConfig
from app.generators.kinds import KINDS
from app.generators.models import AlternativeSettings, Generator
from app.projects.models import Project

NAME = re.compile(r"[\w][\w .:/@+-]{0,99}")


@dataclass(frozen=True)
class GeneratorInput:
    name: str
    kind: str = "openai"
    model: str = ""
    base_url: str = ""
    api_key_env: str = ""


def create_generator(
    db: Session, project: Project, generator_input: GeneratorInput, config: GeneratorConfig, user: User | None
) -> Generator:
    """Create a generator without sending requests to it. `user` None: the command line."""
    name, model = generator_input.name.strip(), generator_input.model.strip()
    if not NAME.fullmatch(name):
        raise Invalid("The name must have 1 to 100 letters, digits, spaces or . : / @ + - _.")
    if db.scalar(select(Generator.id).where(Generator.project_id == project.id, Generator.name == name)):
        raise Conflict(f"A generator named {name!r} already exists.", remedy="Choose another name.")
    kind = KINDS.get(generator_input.kind)
    if kind is None:
        raise Invalid(
            f"Unknown generator kind {generator_input.kind[:50]!r}.",
            remedy=f"Valid kinds: {', '.join(KINDS)}.",
        )
    if not model or len(model) > 500 or "\0" in model:
        raise Invalid(kind.missing_model, remedy="Enter its name, at most 500 characters.")
    generator = Generator(project_id=project.id, name=name, kind=kind.name, model=model)
    site_admin = user is None or user.is_admin
    kind.set_source(generator, generator_input.base_url, generator_input.api_key_env, site_admin=site_admin)
    generator.config = config.to_json()
    generator.created_by = user.id if user else None
    db.add(generator)
    db.flush()
    subject = f"{generator.name} ({generator.kind})"
    audit.record_event(db, user, "generator.create", subject=subject, project_id=project.id)
    return generator


def retire_generator(db: Session, generator: Generator, user: User | None) -> None:
    """Refuse new runs. Its solutions are kept."""
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is already retired.")
    if db.scalar(select(AlternativeSettings).where(AlternativeSettings.generator_id == generator.id)):
        raise Conflict(
            f"{generator.name} creates the alternatives before queueing.",
            remedy="Select another generator or none there, then retire this one.",
        )
    generator.retired_at = dt.datetime.now(dt.UTC)
    audit.record_event(db, user, "generator.retire", subject=generator.name, project_id=generator.project_id)


def list_generators(db: Session, project_id: int) -> list[Generator]:
    """Active generators first, newest first, at most 200."""
    chosen = select(Generator).where(Generator.project_id == project_id)
    order = (Generator.retired_at.is_not(None), Generator.id.desc())
    return list(db.scalars(chosen.order_by(*order).limit(200)))


def get_generator(db: Session, project_id: int, generator_id: int) -> Generator:
    chosen = select(Generator).where(Generator.id == generator_id, Generator.project_id == project_id)
    generator = db.scalar(chosen) if 0 < generator_id < 2**62 else None
    if generator is None:
        raise NotFound("Generator not found.", remedy="Return to the list of generators.")
    return generator


def get_generator_by_name(db: Session, project_id: int, name: str) -> Generator:
    generator = db.scalar(select(Generator).where(Generator.project_id == project_id, Generator.name == name))
    if generator is None:
        raise NotFound(
            f"Generator {name!r} not found.", remedy="List generators with stepmark generator list."
        )
    return generator
