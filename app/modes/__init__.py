"""PURE: labeling modes, which say how labelers rate a solution. A new mode is one object here, its
rule (a LabelingState), and the same rule in the browser (static/desk/labeling-state.js and
branching-state.js). tests/vectors holds both to the same results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.modes.branching_state import BranchingLabelingState
from app.modes.labeling_state import AlternativeStep, LabelingState


class LabelingMode(Protocol):
    @property
    def id(self) -> str:
        """As stored with a project, and in JSON and on the command line."""

    @property
    def label(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def guide(self) -> str:
        """What labelers do, in the help of the desk and on their first visit."""

    @property
    def alternatives_at(self) -> str | None:
        """Where labelers use prepared alternatives, to complete "Labelers see them ..."; None where
        the mode has none."""

    @property
    def is_branching(self) -> bool:
        """Whether labelers choose a path through the alternatives. If so, alternatives are also
        prepared for what follows an alternative."""

    @property
    def in_order(self) -> bool:
        """Whether labelers rate from the first step up to the first error, and no further."""

    @property
    def phase(self) -> int:
        """PRM800K's phase of an exported row."""

    def new_state(self, step_count: int, alternatives: Sequence[AlternativeStep]) -> LabelingState: ...


class FirstError:
    id = "first_error"
    label = "First error"
    description = "Rate steps in order and stop at the first error (as in PRM800K phase 2)."
    guide = (
        "Rate the steps in order. The first step that you rate negative ends the solution: the steps after it"
        " are not rated. If alternatives for that step appear, rate them too. Then submit."
    )
    alternatives_at: str | None = "for the first error"
    is_branching = False
    in_order = True
    phase = 2

    def new_state(self, step_count: int, alternatives: Sequence[AlternativeStep]) -> LabelingState:
        return LabelingState(step_count, alternatives=alternatives, in_order=self.in_order)


class Alternatives:
    id = "alternatives"
    label = "Alternatives"
    description = "Rate every alternative of a step and choose the next one (as in PRM800K phase 1)."
    guide = (
        "Rate every alternative of a step, then choose one that is not negative: the solution continues with"
        " it. A lone alternative is chosen by rating it. If all are negative, you may write the correct step."
        " Then submit."
    )
    alternatives_at: str | None = "for every step"
    is_branching = True
    in_order = False
    phase = 1

    def new_state(self, step_count: int, alternatives: Sequence[AlternativeStep]) -> LabelingState:
        return BranchingLabelingState(step_count, alternatives=alternatives, in_order=self.in_order)


class EveryStep:
    id = "every_step"
    label = "Every step"
    description = "Rate every step, in any order."
    guide = (
        "Rate every step, in any order. An error does not end the solution: rate the steps after it too, each"
        " for itself. Then submit."
    )
    alternatives_at: str | None = None
    is_branching = False
    in_order = False
    phase = 2

    def new_state(self, step_count: int, alternatives: Sequence[AlternativeStep]) -> LabelingState:
        return LabelingState(step_count, alternatives=alternatives, in_order=self.in_order)


MODES: dict[str, LabelingMode] = {mode.id: mode for mode in (FirstError(), Alternatives(), EveryStep())}
"""By id, in the order of forms. The first is the default."""


def get_mode(mode_id: str) -> LabelingMode:
    return MODES[mode_id]
