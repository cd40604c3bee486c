"""What the steps of a solution are, and which of them are rated. The one place that says so: trainer, scorer
and imports ask it, and SQL uses `IS_RATED`.

A reasoning model thinks before its solution. Its thinking is kept as steps of the kind `thought`, which are
shown but not rated. `action` and `observation` are the steps of agents: actions are rated, what the world
answers is not."""

from __future__ import annotations

from collections.abc import Sequence

from app.problems.segmentation import split_thinking

STEP, THOUGHT, ACTION, OBSERVATION = range(4)
STEP_KINDS = {"step": STEP, "thought": THOUGHT, "action": ACTION, "observation": OBSERVATION}
"""The numbers are stored in `solution.step_kinds`."""
RATED_KINDS = frozenset((STEP, ACTION))
IS_RATED = "({kinds} IS NULL OR ({kinds})[{position} + 1] IN (0, 2))"
"""SQL: whether the step at a 0-based position is rated. Twin of `is_rated`."""
SEPARATOR = "\n\n"


def is_rated(kinds: Sequence[int] | None, position: int) -> bool:
    """Whether the step at a 0-based position is rated. Null kinds: every step is."""
    return kinds is None or kinds[position] in RATED_KINDS


def rated_positions(kinds: Sequence[int] | None, count: int) -> list[int]:
    """The 0-based positions of the rated steps among `count`."""
    return [position for position in range(count) if is_rated(kinds, position)]


def select_rated(step_probs: Sequence[float], kinds: Sequence[int] | None) -> Sequence[float]:
    """Of three probabilities for each step in turn, those of the rated steps, which make the solution score.
    Scores of whole solutions have no steps to leave out."""
    if kinds is None or len(step_probs) != 3 * len(kinds):
        return step_probs
    positions = rated_positions(kinds, len(step_probs) // 3)
    return [value for position in positions for value in step_probs[3 * position : 3 * position + 3]]


def name_kinds(kinds: Sequence[int] | None) -> list[str] | None:
    names = {number: name for name, number in STEP_KINDS.items()}
    return None if kinds is None else [names[kind] for kind in kinds]


def find_step_kinds(steps: Sequence[str]) -> list[int] | None:
    """The kinds of steps by their thinking tags, or None if all are steps. A step that holds both thinking
    and solution is a step. Thinking that is all of the solution stays rated: nothing else could be."""
    if not any("think" in step or "<" in step or "[" in step for step in steps):
        return None
    text = SEPARATOR.join(steps)
    spans = [(part.start, part.end) for part in split_thinking(text) if part.is_thinking]
    kinds, start = [], 0
    for step in steps:
        end = start + len(step)
        is_thought = any(first <= start and end <= last for first, last in spans)
        kinds.append(THOUGHT if is_thought else STEP)
        start = end + len(SEPARATOR)
    return kinds if THOUGHT in kinds and STEP in kinds else None
