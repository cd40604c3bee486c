"""Labels that came with a file: as the labels of a snapshot, on the solution, and as an evaluation set."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.core.db import transaction
from app.core.errors import Invalid
from app.evaluation.config import SetDefinition
from app.problems.models import ExternalLabel, Solution
from app.projects.models import Project
from app.training.external_labels import expand_label, list_label_sources
from app.training.label_sources import get_source
from app.training.snapshot_definition import SnapshotDefinition
from tests.factories import base as factories
from tests.factories.exchange import import_file

TRL = {
    "prompt": "What is 2 * 9?",
    "completions": ["Twice 9.", "It is 19.", "So 19."],
    "labels": [True, False, True],
}
BENCH = {
    "id": "gsm8k-1",
    "problem": "What is 3 * 9?",
    "steps": ["Thrice 9.", "It is 27."],
    "final_answer_correct": True,
    "label": -1,
}


def read_targets(db: Session, project_id: int, **options: object) -> list[list[int | None]]:
    definition = SnapshotDefinition(source="external", **options)  # type: ignore[arg-type]
    source = get_source(definition)
    source.validate(db, project_id, definition)
    assert source.has_labels(db, project_id, definition)
    return [chain.targets for _, _, chain in source.iter_chains(db, project_id, definition, Counter())]


@pytest.mark.usefixtures("database")
def test_a_snapshot_takes_the_labels_of_a_file_by_name(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([TRL]))
    import_file(path)
    with transaction() as db:
        project_id = db.scalars(select(Project.id)).one()
        assert read_targets(db, project_id) == [[1, -1]]
        assert read_targets(db, project_id, cut_at_first_error=False) == [[1, -1, 1]]
    path.write_text(json.dumps([BENCH]))
    import_file(path)
    with transaction() as db:
        assert list_label_sources(db, project_id) == {"processbench": 1, "trl-stepwise": 1}
        assert read_targets(db, project_id, external_source="processbench") == [[1, 1]]
        with pytest.raises(Invalid, match="Labels of several files"):
            read_targets(db, project_id)
        with pytest.raises(Invalid, match="no labels came with nowhere"):
            read_targets(db, project_id, external_source="nowhere")


def test_a_first_error_says_nothing_of_the_steps_behind_it() -> None:
    assert expand_label(1, None, 3) == [1, -1, None]
    assert expand_label(-1, None, 2) == [1, 1]
    assert expand_label(None, None, 2) == [None, None]
    assert expand_label(1, [1, -1], 3) == [1, -1, None]


def test_labels_of_files_are_shown_on_the_solution_with_their_source(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    solution = factories.solution(db, factories.problem(db, project, "What is 4 * 4?"), ["4 * 4", "is 18"])
    db.add(ExternalLabel(solution_id=solution.id, source="file:my model", first_error=1))
    db.add(ExternalLabel(solution_id=solution.id, source="file:other", ratings=[1, 0]))
    db.flush()
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    shown = web.get(f"/api/v1/projects/{project.slug}/solutions/{solution.id}").json()
    assert shown["external_labels"] == [
        {"source": "file:my model", "first_error": 1, "ratings": None},
        {"source": "file:other", "first_error": None, "ratings": [1, 0]},
    ]
    for page in (f"solutions/{solution.id}", f"problems/{solution.problem_id}"):
        text = web.get(f"/projects/{project.slug}/{page}").text
        assert "first error: step 2" in text
        assert "my model" in text
    form = web.get(f"/projects/{project.slug}/training-runs").text
    assert '<option value="my model">' in form
    assert db.scalars(select(Solution)).one() is solution


def test_an_evaluation_set_may_name_the_source_of_its_labels() -> None:
    definition = parse_config(SetDefinition, {"labels": "file", "external_source": "processbench"})
    assert definition.external_source == "processbench"
    with pytest.raises(Invalid, match="external_source"):
        parse_config(SetDefinition, {"external_source": 3})
