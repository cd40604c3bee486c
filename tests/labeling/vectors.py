"""Test vectors of the labeling rules, shared by Python and the browser (tests/vectors/labeling.json).

Each vector names a mode, a solution and events; `results` says after each event whether it was allowed
and what the state is. Not allowed events change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.labeling.rating_events import EVENT_FIELDS, apply_event
from app.modes import get_mode
from app.modes.branching_state import BranchingLabelingState
from app.modes.labeling_state import AlternativeStep, LabelingState

PATH = Path(__file__).parent.parent / "vectors" / "labeling.json"


def load_vectors() -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads(PATH.read_text())
    return vectors


def replay(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a vector by the rules in Python."""
    alternatives = [
        AlternativeStep(step["position"], step["candidate"], "", tuple(step["prefix"]))
        for step in vector["alternatives"]
    ]
    state = get_mode(vector["mode"]).new_state(vector["steps"], alternatives)
    results = []
    for event in vector["events"]:
        allowed = _is_allowed(state, event)
        if allowed:
            apply_event(state, dict.fromkeys(EVENT_FIELDS) | event)
        results.append({"allowed": allowed, **describe(state)})
    return results


def _is_allowed(state: LabelingState, event: dict[str, Any]) -> bool:
    kind = "choice" if "chosen" in event else "text" if "human_text" in event else "rating"
    is_removal = event.get("chosen") is False
    if kind == "rating":
        is_removal = event["rating"] is None and not event["flagged"]
    return state.allows(kind, event["position"], event["candidate"], is_removal)


def describe(state: LabelingState) -> dict[str, Any]:
    own = [(position, 0) for position in range(state.step_count)]
    places = sorted({*own, *((step.position, step.candidate) for step in state.alternatives)})
    assert state.list_places() == [place for place in places if state.is_reached(*place)]
    return {
        "frontier": state.frontier,
        "first_error": state.first_error,
        "finish_reason": state.finish_reason,
        "reached": [list(place) for place in state.list_places()],
        "ratings": state.reached_ratings(),
        "path": state.path if isinstance(state, BranchingLabelingState) else None,
    }
