"""A project with something for every export, and the `datasets` library reading files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy.orm import Session

from app.generators.models import Generator, Rollout
from app.labeling.models import RatingEvent, StepLabel
from app.problems.models import ExternalLabel, Verdict
from app.projects.models import Project
from app.quality.models import Adjudication
from app.training import snapshots
from tests.factories import base as factories
from tests.factories import selection

ALTERNATIVE, WRITTEN = "So it is 5.", "So it is four."


def build_exported_project(db: Session, name: str = "") -> Project:
    project = factories.project(db, name)
    problem = factories.problem(db, project)
    disputed = factories.solution(db, problem, generator="policy")
    wrong = factories.solution(db, problem, ("2 + 2 = 5", "# Answer\n\n5"), verdict="incorrect")
    held_out = factories.problem(db, project, "What is 3 + 3?", "6", split="validation")
    validation = factories.solution(db, held_out, ("3 + 3 = 6", "# Answer\n\n6"), generator="policy")
    _label(db, project, disputed)
    for key, (verdict, source) in {
        disputed.id: ("correct", "grader"),
        wrong.id: ("incorrect", "file:x"),
    }.items():
        db.add(Verdict(solution_id=key, source=source, verdict=verdict, version="1"))
    db.add(ExternalLabel(solution_id=wrong.id, source="file:processbench", first_error=1))
    db.add(
        ExternalLabel(solution_id=validation.id, source="file:trl-stepwise", first_error=-1, ratings=[1, 0])
    )
    for number in range(2):
        model = selection.model(db, project, f"prm-{number}")
        selection.score(db, model, disputed, right=(0.5, 0.25))
    generator = Generator(project_id=project.id, name="local", kind="transformers", model="x", config={})
    db.add(generator)
    db.flush()
    db.add(
        Rollout(
            generator_id=generator.id, solution_id=disputed.id, position=0, rollout_count=8, correct_count=6
        )
    )
    snapshots.create_snapshot(db, project.id, {}, None)
    return project


def _label(db: Session, project: Project, solution: Any) -> None:
    """Two labelers and an adjudication. The second labeler chose a step of their own."""
    labelers = [factories.member(db, project) for _ in range(3)]
    task = factories.task(db, solution, overlap=2)
    first = selection.labeled(db, task, labelers[0], [1, -1])
    db.add(RatingEvent(event_id=uuid4(), assignment_id=first.id, position=0, rating=1, active_ms=700))
    second = selection.labeled(db, task, labelers[1], [1])
    db.add(
        StepLabel(
            assignment_id=second.id, position=1, texts=[solution.steps[1], ALTERNATIVE], ratings=[0, -1],
            flags=[None, True], chosen=None, human_text=WRITTEN,
        )
    )  # fmt: skip
    decision = {"project_id": project.id, "solution_id": solution.id, "decided_by": labelers[2].id}
    db.add(Adjudication(**decision, ratings=[1, -1], reason="The sum is wrong."))
    db.flush()


def load_files(builder: str, path: Path, cache: Path) -> list[dict[str, Any]]:
    """The rows that `datasets` reads, as JSON. A folder is read by its own card."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    datasets.disable_progress_bars()
    source = {"path": str(path)} if path.is_dir() else {"path": builder, "data_files": str(path)}
    splits = datasets.load_dataset(**source, cache_dir=str(cache / "cache"))
    rows = [dict(row) for split in splits.values() for row in split]
    return orjson.loads(orjson.dumps(rows))
