"""Kinds of steps: found by thinking tags, named by the file, and what is rated of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.exchange.import_config import ImportConfig
from app.exchange.models import RejectedRecord
from app.prm.config import ScoreConfig
from app.prm.predict import SolutionScores, log_solution_score
from app.problems.models import ExternalLabel, Problem, Solution
from app.problems.segmentation import segment
from app.problems.step_kinds import (
    IS_RATED,
    find_step_kinds,
    is_rated,
    name_kinds,
    rated_positions,
    select_rated,
)
from app.scoring.process import compute_log_score
from app.training.external_labels import ExternalLabels
from app.training.snapshot_definition import SnapshotDefinition
from tests.factories import base as factories
from tests.factories.exchange import import_file

TEXT = "<think>\nIs it 3?\n\nNo.\n</think>\n\nIt is 4.\n\nSo 4."
PROBS = [0.9, 0.0, 0.1] * 2 + [0.1, 0.0, 0.9, 0.2, 0.0, 0.8]


def test_thinking_is_a_thought_and_the_rest_is_rated() -> None:
    steps = segment(TEXT, "model_output")
    kinds = find_step_kinds(steps)
    assert name_kinds(kinds) == ["thought", "thought", "step", "step"]
    assert rated_positions(kinds, 4) == [2, 3]
    assert find_step_kinds(["We think 2 < 3.", "So [2, 3]."]) is None
    assert find_step_kinds(segment("<think>\nOnly this.\n</think>", "blank")) is None
    assert rated_positions(None, 2) == [0, 1]
    assert [is_rated([0, 1, 2, 3], position) for position in range(4)] == [True, False, True, False]


def test_a_solution_score_leaves_thoughts_out() -> None:
    assert list(select_rated(PROBS, [1, 1, 0, 0])) == PROBS[6:]
    assert select_rated([0.1, 0.0, 0.9], [1, 0]) == [0.1, 0.0, 0.9]
    scores = SolutionScores(PROBS, log_solution_score(PROBS, "product", True))
    config = ScoreConfig(aggregate="minimum")
    assert compute_log_score(scores, [1, 1, 0, 0], config) == log_solution_score(PROBS[6:], "minimum", True)
    assert compute_log_score(scores, None, config) == scores.log_score


def test_the_database_agrees_on_what_is_rated(db: Session) -> None:
    sql = IS_RATED.format(kinds="CAST(:kinds AS smallint[])", position=":position")
    for kinds in (None, [0, 1, 2, 3]):
        for position in range(4):
            rated = db.scalar(text(f"SELECT {sql}"), {"kinds": kinds, "position": position})
            assert rated == is_rated(kinds, position)
    assert db.scalars(select(Problem)).all() == []


@pytest.mark.usefixtures("database")
def test_kinds_come_in_with_the_file_and_mask_its_labels(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"kind": "problem", "id": "p", "statement": "What is 2 + 2?", "answer": "4"},
        {"kind": "solution", "id": "t", "problem": "p", "text": TEXT},
        {"kind": "solution", "id": "k", "problem": "p", "steps": ["look", "sees 4", "4"],
         "step_kinds": ["action", "observation", "step"], "external": {"ratings": [1, 1, -1]}},
        {"kind": "solution", "id": "x", "problem": "p", "steps": ["4"], "step_kinds": ["guess"]},
    ]  # fmt: skip
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    done = import_file(path, config=ImportConfig(segmentation="model_output"))
    with transaction() as db:
        kinds = {
            solution.external_id: name_kinds(solution.step_kinds) for solution in db.scalars(select(Solution))
        }
        assert kinds == {"t": ["thought", "thought", "step", "step"], "k": ["action", "observation", "step"]}
        assert "step_kinds" in db.scalars(select(RejectedRecord)).one().message
        assert db.scalars(select(ExternalLabel)).one().ratings == [1, 1, -1]
        definition = SnapshotDefinition(source="external")
        chains = [chain for _, _, chain in ExternalLabels().iter_chains(db, done.project_id, definition, {})]  # type: ignore[arg-type]
        assert [chain.targets for chain in chains] == [[1, None, -1]]


def test_the_api_names_the_kinds(web: object, db: Session) -> None:
    project = factories.project(db)
    solution = factories.solution(db, factories.problem(db, project), ["a", "b"], step_kinds=[1, 0])
    factories.sign_in(web, db, factories.member(db, project, "researcher"))  # type: ignore[arg-type]
    shown = web.get(f"/api/v1/projects/{project.slug}/solutions/{solution.id}").json()  # type: ignore[attr-defined]
    assert shown["step_kinds"] == ["thought", "step"]
    assert "Thought" in web.get(f"/projects/{project.slug}/solutions/{solution.id}").text  # type: ignore[attr-defined]
