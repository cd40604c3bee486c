"""Installs app.world.demo_data: problems and solutions are imported, and the small language model becomes a
base for rounds and a generator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from app.common.atomic_files import atomic_folder
from app.core.db import transaction
from app.core.errors import DomainError
from app.problems.models import Solution
from app.projects.models import Project
from app.settings import settings
from app.world import demo_data
from app.world.kinds.base import final_answer

WRITER = "the writer"
SAMPLED: dict[str, Any] = {
    "endpoint": "completions",
    "prompt": "<s>{problem} \n ",
    "steps": "stop",
    "step_delimiter": " \n ",
    "temperature": 0.8,
    "max_tokens": 96,
    "step_tokens": 16,
}
"""Generator options of the writer: words are separated by spaces, and a line break is a word."""


def write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def import_problems(project: Project, every: int) -> None:
    """Import the world as Stepmark JSON Lines, with the importer and the grader."""
    from app.exchange import importer
    from app.problems import grading

    path = settings().home / "demo-world.jsonl"
    write_private(path, b"".join(iter_lines(every)))
    with transaction() as db:
        solution_count = db.scalar(
            select(func.count()).select_from(Solution).where(Solution.project_id == project.id)
        )
        begun = None if solution_count else importer.create_import(db, project, path, format="stepmark")
    if begun is not None:
        done = importer.run_import(begun.id)
        if done.state != "succeeded":
            raise DomainError(
                f"The demo's data did not go in: {done.error}", remedy="See import 1 in the browser."
            )
    grading.grade_waiting(project.id)


def iter_lines(every: int) -> Iterator[bytes]:
    for number, entry in enumerate(demo_data.load_entries()[::every]):
        products = entry.statement.count("×")
        problem = {
            "kind": "problem",
            "id": f"digits-{number}",
            "statement": entry.statement,
            "answer": entry.answer,
            "subject": "with products" if products else "without products",
            "level": f"{len(entry.statement.split()) - 1} operations",
            "split": entry.split,
            "source": "stepmark world",
        }
        yield orjson.dumps(problem, option=orjson.OPT_APPEND_NEWLINE)
        for place, steps in enumerate(entry.solutions):
            solution = {
                "kind": "solution",
                "id": f"digits-{number}-{place}",
                "problem": f"digits-{number}",
                "generator": WRITER,
                "steps": steps,
                "answer": final_answer(steps),
            }
            yield orjson.dumps(solution, option=orjson.OPT_APPEND_NEWLINE)


def install_writer(project: Project) -> Path:
    """Install the writer in the models folder, where rounds can start from it, and as a generator."""
    from app.generators import generators
    from app.generators.config import parse

    folder = writer_folder()
    if not folder.is_dir():
        with atomic_folder(folder) as draft:
            shutil.copytree(demo_data.WRITER, draft, dirs_exist_ok=True)
    with transaction() as db:
        if not any(generator.name == WRITER for generator in generators.list_generators(db, project.id)):
            definition = generators.GeneratorInput(WRITER, kind="transformers", model=str(folder))
            generators.create_generator(db, project, definition, parse(SAMPLED), None)
    return folder


def writer_folder() -> Path:
    return settings().models_dir / "demo-writer"
