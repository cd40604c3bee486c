"""The next action of a researcher or admin in a project."""

from __future__ import annotations

from dataclasses import dataclass

from app.projects.models import Project


@dataclass(frozen=True)
class LabelingProgress:
    solutions: int
    generation: int | None
    """Number of the newest generation; None before anything is queued."""
    waiting: int
    """Tasks of it that are not labeled yet."""
    has_labels: bool
    labelers: int | None = None
    """None where the reader cannot invite anyone."""


@dataclass(frozen=True)
class NextAction:
    title: str
    reason: str
    label: str
    """On the button or link."""
    url: str
    method: str = "get"


def find_next_action(project: Project, progress: LabelingProgress) -> NextAction:
    home = f"/projects/{project.slug}"
    if not progress.solutions:
        return NextAction(
            "Import problems and solutions",
            "Start with a file: GSM8K, MATH, ProcessBench, PRM800K or your own.",
            "Import a file",
            f"{home}/imports",
        )
    if progress.generation is None:
        return NextAction(
            "No solutions are queued yet",
            f"The pool has {_count(progress.solutions, 'solution')}. The first queue is a random sample.",
            "Queue solutions",
            f"{home}/queue",
            "post",
        )
    if progress.labelers == 0:
        return NextAction(
            "No labelers yet",
            f"{_count(progress.waiting, 'task')} queued. Invite labelers with a link.",
            "Invite labelers",
            f"{home}/members",
        )
    if not progress.has_labels:
        return NextAction(
            f"{_count(progress.waiting, 'solution')} queued for first labels",
            "You can start a round as soon as there are labels to train on.",
            "Open desk",
            f"{home}/desk",
        )
    if progress.waiting > 0:
        return NextAction(
            f"{_count(progress.waiting, 'solution')} left to label in generation {progress.generation}",
            "The next round trains on their labels. You can also start it now.",
            "Open desk",
            f"{home}/desk",
        )
    return NextAction(
        f"Generation {progress.generation} is labeled",
        "A round trains on all labels, scores the pool and queues the next generation.",
        "Start round",
        f"{home}/rounds/new",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
